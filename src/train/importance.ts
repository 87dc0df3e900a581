import type { Dataset } from '../data/dataset.js'
import { SpecError } from '../errors.js'
import type { Model } from '../model/model.js'
import { checkBound } from '../model/objectives/kinds.js'
import type { ModelRuntime } from '../model/runtime.js'
import { padTo4 } from '../ops/dispatch.js'
import type { Augmentation } from '../ops/gather.js'
import { STREAMS } from '../random.js'
import { setLosses } from './set-losses.js'

/** How the bound is estimated. */
export interface ImportanceOptions {
  /** Draws of z per image. */
  samples: number
  seed: number
  batchSize: number
  binarize?: Augmentation['binarize']
}

/**
 * −log (1/K) Σ_k p(x|z_k) p(z_k) / q(z_k|x), averaged over the set's images (Burda, Grosse & Salakhutdinov 2016).
 * A batch is drawn K times, one after another; each image keeps a running log-sum-exp, so that nothing grows with K.
 */
export async function importanceWeighted(
  runtime: ModelRuntime,
  data: Dataset,
  { samples, ...options }: ImportanceOptions,
): Promise<number> {
  const sums = new LogSums(data.count)
  const draws = { ...options, stream: STREAMS.IMPORTANCE, draws: samples, sampled: true }
  // −log weight is reconstruction plus log q − log p
  await setLosses(runtime, data, draws, (first, { reconstruction, kl }) => {
    reconstruction.forEach((value, n) => sums.add(first + n, -(value + kl[n])))
  })
  return sums.negativeMeanLog(samples)
}

/**
 * @throws SpecError for a latent without a posterior to draw from, a loss that is no bound,
 * or more draws than there are numbers of noise
 */
export function checkDraws(model: Model, samples: number, batch: number): void {
  const path = 'evaluate.importanceSamples'
  const { latent } = model
  checkBound(model, path)
  if (!latent.isRandom) throw new SpecError(path, `a ${latent.type} latent has no posterior to draw from`)
  // Two numbers for every index below 2³¹; from there on they are the u of points on a sphere.
  const { noiseWidth, steps = 1 } = latent
  const most = Math.floor(2 ** 32 / (batch * steps * padTo4(noiseWidth)))
  if (samples > most) throw new SpecError(path, `needs at most ${most} for batches of ${batch}, got ${samples}`)
}

/** A running log Σ exp(log weight) for every image, in float64. */
class LogSums {
  private readonly largest: Float64Array
  private readonly scaled: Float64Array

  constructor(count: number) {
    this.largest = new Float64Array(count).fill(-Infinity)
    this.scaled = new Float64Array(count)
  }

  add(image: number, log: number): void {
    if (log > this.largest[image]) {
      this.scaled[image] = this.scaled[image] * Math.exp(this.largest[image] - log) + 1
      this.largest[image] = log
    } else {
      this.scaled[image] += Math.exp(log - this.largest[image])
    }
  }

  /** −log of the mean weight over so many samples, averaged over images. */
  negativeMeanLog(samples: number): number {
    let sum = 0
    for (let i = 0; i < this.largest.length; i++) sum -= this.largest[i] + Math.log(this.scaled[i] / samples)
    return sum / this.largest.length
  }
}
