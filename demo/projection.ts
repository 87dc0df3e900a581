import type { Point } from './messages.js'

/**
 * The plane on which latents are shown. Two latent numbers are the plane itself; of more, it is spanned by the two
 * directions in which the codes differ most, through their average.
 */
export class Projection {
  private center: Float64Array
  private axes: [Float64Array, Float64Array]

  constructor(private readonly size: number) {
    this.center = new Float64Array(size)
    this.axes = [unit(size, 0), unit(size, Math.min(1, size - 1))]
  }

  /**
   * Follows the codes. Each call turns the axes by one step of the power method, so that the plane moves smoothly while
   * the model learns and settles when the model does.
   */
  fit(latents: Float32Array): void {
    const { size } = this
    if (size <= 2) return
    const count = latents.length / size
    this.center = new Float64Array(size)
    latents.forEach((value, i) => (this.center[i % size] += value / count))
    this.axes = [this.turned(latents, this.axes[0]), this.turned(latents, this.axes[1])]
    const overlap = dot(this.axes[0], this.axes[1])
    this.axes[1] = normalized(this.axes[1].map((value, i) => value - overlap * this.axes[0][i]))
  }

  project(latents: Float32Array): Float32Array<ArrayBuffer> {
    const { size, center, axes } = this
    const points = new Float32Array((2 * latents.length) / size)
    for (let row = 0; row < latents.length / size; row++) {
      const centered = center.map((value, i) => latents[row * size + i] - value)
      points[2 * row] = dot(centered, axes[0])
      points[2 * row + 1] = size > 1 ? dot(centered, axes[1]) : 0
    }
    return points
  }

  /** The latent vector at a point of the plane. */
  lift([x, y]: Point): Float32Array {
    const { size, center, axes } = this
    return Float32Array.from(center, (value, i) => value + x * axes[0][i] + (size > 1 ? y * axes[1][i] : 0))
  }

  /** Standard deviations along the two axes of a normal distribution with this diagonal log-variance. */
  deviation(logVariance: Float32Array): Point {
    const along = (axis: Float64Array) =>
      Math.sqrt(axis.reduce((sum, value, i) => sum + value * value * Math.exp(logVariance[i]), 0))
    return [along(this.axes[0]), along(this.axes[1])]
  }

  /** covariance(latents) · axis, at length 1 */
  private turned(latents: Float32Array, axis: Float64Array): Float64Array {
    const { size, center } = this
    const sum = new Float64Array(size)
    for (let start = 0; start < latents.length; start += size) {
      let along = 0
      for (let i = 0; i < size; i++) along += (latents[start + i] - center[i]) * axis[i]
      for (let i = 0; i < size; i++) sum[i] += along * (latents[start + i] - center[i])
    }
    return normalized(sum)
  }
}

function unit(size: number, index: number): Float64Array {
  const axis = new Float64Array(size)
  axis[index] = 1
  return axis
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0)
}

/** Keeps its direction if there is none to speak of: all codes alike. */
function normalized(axis: Float64Array): Float64Array {
  const length = Math.sqrt(dot(axis, axis))
  return length > 1e-12 ? axis.map((value) => value / length) : unit(axis.length, 0)
}
