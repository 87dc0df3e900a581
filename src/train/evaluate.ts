import { shownMeans, totalOf, type LossMeans } from '../model/loss-parts.js'
import type { Network } from '../model/network.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Dataset } from '../data/dataset.js'
import type { Augmentation } from '../ops/gather.js'
import { STREAMS } from '../random.js'
import { setLosses } from './set-losses.js'

/** Images per pass of an evaluation, unless given. */
export const EVALUATED_AT_ONCE = 128

/** Nats an image, averaged over images. `−ELBO = reconstruction + kl`. */
export interface Loss {
  /**
   * What is minimised: reconstruction + klWeight · kl, or reconstruction + quantization; of a model with a classifier
   * reconstruction + klWeight · kl + label + classifierWeight · classification. Of a step with importance
   * samples the bound −log (1/k) Σ_s w_s; with free bits the KL term is klWeight · Σ_j max(λ, KL_j).
   */
  total: number
  /** −Σ log p(x|z); with a discriminator ½‖D_l(x) − D_l(x̃)‖², l being the layer whose outputs are compared. */
  reconstruction: number
  /**
   * KL(q(z|x) ‖ p(z)); 0 for a deterministic or vector-quantised latent. Of a step with importance samples the mean of
   * the samples' log q(z|x) − log p(z), whose expectation it is.
   */
  kl: number
  /** Σ |sg(z) − e|² + commitment · Σ |z − sg(e)|² of a vector-quantised model, whoever updates its codes. */
  quantization?: number
  /** softplus(−D(x)) + softplus(D(x̃)) + softplus(D(x_p)) of a model with a discriminator D, which minimises it. */
  adversarial?: number
  /** The probability sigmoid(D) that the discriminator gives images to be real: those of the data, x, */
  real?: number
  /** those decoded from their z, x̃, */
  reconstructed?: number
  /** and those decoded from draws of the prior, x_p. */
  sampled?: number
  /**
   * Of a model with a classifier of K classes: ln K where the label is known, else ln K + Σ_y q ln q, which is
   * KL(q(y|x) ‖ uniform).
   */
  label?: number
  /** Of a model with a classifier: −ln q(label|x) where the label is known, else 0. */
  classification?: number
  /** Of a model with a classifier: the share of the images of known label whose likeliest class is theirs. */
  accuracy?: number
  /**
   * −log of the mean importance weight p(x|z) p(z) / q(z|x) of an image, averaged over images: an upper bound of
   * −log p(x) that tightens as samples are added (Burda et al. 2016). Only where importance samples were asked for.
   */
  importanceWeighted?: number
}

/** The loss of means by part, as the model weighs them. */
export function lossOf({ model }: Pick<ModelRuntime<Network>, 'model'>, means: LossMeans, klWeight: number): Loss {
  const total = totalOf(model.lossParts, means, klWeight)
  return { total, reconstruction: means.reconstruction, kl: 0, ...shownMeans(model.lossParts, means) }
}

/** The loss over a whole set, which is checked already, one draw of z an image. */
export async function evaluateSet(
  runtime: ModelRuntime<Network>,
  data: Dataset,
  { klWeight, ...options }: { klWeight: number; seed: number; batchSize: number; binarize?: Augmentation['binarize'] },
): Promise<Loss> {
  const sums: Record<string, number> = {}
  const draws = { ...options, stream: STREAMS.EVALUATE, draws: 1, sampled: false }
  await setLosses(runtime, data, draws, (_, losses) => {
    for (const [part, values] of Object.entries(losses)) {
      sums[part] = values.reduce((sum, value) => sum + value, sums[part] ?? 0)
    }
  })
  const means = Object.entries(sums).map(([part, sum]) => [part, sum / data.count])
  return lossOf(runtime, Object.fromEntries(means), klWeight)
}
