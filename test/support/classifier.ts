import type { Dataset } from '../../src/index.js'

/** Softmax regression (Bishop 2006, section 4.3.4) on pixels: a judge of digits that has nothing of the engine's. */
export class Classifier {
  /** (classes, pixels + 1), the last column the bias. */
  private readonly weights: Float64Array

  private constructor(
    private readonly classes: number,
    private readonly pixels: number,
  ) {
    this.weights = new Float64Array(classes * (pixels + 1))
  }

  /** Trains on a set's bytes in their order, one image a step. */
  static train({ images, labels, count, shape }: Dataset, classes: number, epochs: number, rate: number): Classifier {
    const pixels = shape[0] * shape[1] * shape[2]
    const classifier = new Classifier(classes, pixels)
    const image = new Float64Array(pixels)
    for (let step = 0; step < epochs * count; step++) {
      const n = step % count
      for (let i = 0; i < pixels; i++) image[i] = images[n * pixels + i] / 255
      classifier.learn(image, labels![n], rate)
    }
    return classifier
  }

  /** The class of every image, pixels in [0, 1]. */
  classify(images: Float32Array): number[] {
    return Array.from({ length: images.length / this.pixels }, (_, n) => {
      const scores = this.scores(images.subarray(n * this.pixels, (n + 1) * this.pixels))
      return scores.indexOf(Math.max(...scores))
    })
  }

  /** w ← w − rate · (softmax(w x) − onehot) xᵀ */
  private learn(image: Float64Array, label: number, rate: number): void {
    const { classes, pixels, weights } = this
    const scores = this.scores(image)
    const most = Math.max(...scores)
    const powers = scores.map((score) => Math.exp(score - most))
    const sum = powers.reduce((total, power) => total + power, 0)
    for (let k = 0; k < classes; k++) {
      const step = rate * (powers[k] / sum - Number(k === label))
      const row = k * (pixels + 1)
      for (let i = 0; i < pixels; i++) weights[row + i] -= step * image[i]
      weights[row + pixels] -= step
    }
  }

  private scores(image: ArrayLike<number>): number[] {
    const { classes, pixels, weights } = this
    return Array.from({ length: classes }, (_, k) => {
      const row = k * (pixels + 1)
      let score = weights[row + pixels]
      for (let i = 0; i < pixels; i++) score += weights[row + i] * image[i]
      return score
    })
  }
}

/** The share of predictions that are the label. */
export function accuracy(predicted: readonly number[], labels: ArrayLike<number>): number {
  return predicted.filter((label, n) => label === labels[n]).length / predicted.length
}
