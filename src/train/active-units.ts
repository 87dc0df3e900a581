import { pixelValues, type Dataset } from '../data/dataset.js'
import { SpecError } from '../errors.js'
import { encode } from '../model/inference.js'
import { sizeOf } from '../model/shapes.js'
import type { ModelRuntime } from '../model/runtime.js'
import { checkSet } from './sets.js'

/** Which dimensions of the latent a model uses. */
export interface ActiveUnits {
  /** How many dimensions' variance is above the threshold. */
  active: number
  /** `[latent]` the variance over the set of the posterior mean E_q[z|x]. */
  variance: Float32Array
}

const IMAGES_AT_ONCE = 512

/**
 * The activity of every latent dimension, Var_x(E_q[z|x]) over a set (Burda, Grosse & Salakhutdinov 2016, section 5.2).
 * @throws SpecError for a vector-quantised latent; DataError, ShapeError
 */
export async function activeUnits(runtime: ModelRuntime, given: Dataset, threshold: number): Promise<ActiveUnits> {
  const data = checkSet(runtime, given, 'activeUnits')
  const { latent, classes } = runtime.model
  if (latent.codebook) {
    throw new SpecError('activeUnits', 'a vector-quantized latent has codes; train tells how many are used as codesUsed')
  }
  const Z = sizeOf(latent.output)
  const mean = new Float64Array(Z)
  const squares = new Float64Array(Z) // Σ (z − mean)² so far (Welford 1962)
  for (let first = 0; first < data.count; first += IMAGES_AT_ONCE) {
    const end = Math.min(first + IMAGES_AT_ONCE, data.count)
    const labels = classes ? data.labels!.subarray(first, end) : undefined
    const posterior = await encode(runtime, pixelValues(data, first, end), { labels })
    const { data: means } = latent.expectation?.(posterior) ?? posterior.mean
    means.forEach((z, i) => {
      const j = i % Z
      const n = first + (i - j) / Z
      const change = z - mean[j]
      mean[j] += change / (n + 1)
      squares[j] += change * (z - mean[j])
    })
  }
  const variance = Float32Array.from(squares, (sum) => sum / data.count)
  return { active: variance.filter((value) => value > threshold).length, variance }
}
