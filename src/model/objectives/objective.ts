import type { Balance } from '../../ops/adversarial.js'
import type { PlanTensor } from '../../ops/dispatch.js'
import type { Graph, Value } from '../graph.js'
import type { Latent } from '../latents/latent.js'

/** What a training step minimises: −ELBO with a weight on its KL term, unless one of these says otherwise. */
export interface Objective {
  /**
   * Draws of z per image, 1 unless given. From 2 on the objective is the importance-weighted bound (Burda, Grosse &
   * Salakhutdinov 2016): −log (1/k) Σ_s w_s, averaged over images, with
   * log w = log p(x|z) + klWeight · (log p(z) − log q(z|x)).
   */
  importanceSamples?: number
  /**
   * λ in nats, 0 unless given: the KL term becomes klWeight · Σ_j max(λ, mean over the batch of the KL of dimension j)
   * (free bits, Kingma et al. 2016), so that no dimension gains from giving up its last λ. Not with importance samples.
   */
  freeBits?: number
  /**
   * Of a model with a discriminator: lets one of decoder and discriminator wait for the other, the rule of Larsen et
   * al. 2016. Where the batch's mean softplus(−D) of the data or softplus(D) of what is decoded is below equilibrium −
   * margin, the discriminator skips the update; where one is above equilibrium + margin, the decoder does; neither
   * where both would. What is skipped keeps its moments, too. Off unless given.
   */
  balance?: Balance
}

/** What an objective works on: images, rows of the decoder (padding included), latent size, pixels. */
export interface ObjectiveShape {
  B: number
  rows: number
  samples: number
  Z: number
  N: number
}

/** An objective in a plan. */
export interface ObjectivePlan {
  /**
   * The losses of every row where they are not those of the images: then `finish` leaves the images', and after them
   * their shares of the objective.
   */
  rowLosses?: PlanTensor
  /** The weight of every row in its image's objective. */
  weights?: PlanTensor
  /** Which dimensions' KL counts. */
  kept?: PlanTensor
  /** Pushes the images' losses out of those of their rows, before the gradients; `dy` is every row's, without weight. */
  finish?(t: { losses: PlanTensor; dy: PlanTensor; head?: Value }): void
}

/** One kind of objective beside −ELBO. */
export interface ObjectiveKind {
  /** The option that asks for it. */
  option: 'importanceSamples' | 'freeBits'
  /** The value that asks for nothing. */
  neutral: number
  /**
   * Checks the option.
   * @returns its value where it asks for something, undefined where it is what −ELBO does anyway
   * @throws SpecError with `who` before the option
   */
  read(value: unknown, latent: Latent, who: string): number | undefined
  plan(value: number, shape: ObjectiveShape, graph: Graph): ObjectivePlan
}
