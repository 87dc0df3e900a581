import type { Discriminator } from './discriminator.js'
import type { Latent } from './latents/latent.js'
import type { Likelihood } from './likelihoods/likelihood.js'
import type { Network } from './network.js'
import type { VaeSpec } from './spec.js'

/** A checked model: what a specification says, with every shape known. No GPU object. */
export interface Model extends Network {
  readonly spec: VaeSpec
  readonly latent: Latent
  readonly likelihood: Likelihood
  /** Compares images by what it makes of them: then the loss bounds no log p(x). */
  readonly discriminator?: Discriminator
  /** A classifier finds out labels: they may be unknown. */
  readonly hasClassifier?: boolean
}
