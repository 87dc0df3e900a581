import type { ParameterArena } from './arena.js'
import type { Discriminator } from './discriminator.js'
import type { Latent } from './latents/latent.js'
import type { Likelihood } from './likelihoods/likelihood.js'
import type { LossPart } from './loss-parts.js'
import type { ParameterSpec } from './parameters.js'
import type { CompiledPlan, PlanRequest } from './request.js'
import type { ImageShape } from './shapes.js'
import type { VaeSpec } from './spec.js'

/** A checked model: what a specification says, with every shape known. No GPU object. */
export interface Model {
  /** The specification as it was given. */
  readonly spec: VaeSpec
  readonly input: ImageShape
  readonly latent: Latent
  readonly likelihood: Likelihood
  /** Weight of the KL term, where training does not give another. */
  readonly klWeight: number
  /** The parts of its loss, in the order in which plans leave them, and how `total` follows. */
  readonly lossParts: readonly LossPart[]
  /** Compares images by what it makes of them: then the loss bounds no log p(x). */
  readonly discriminator?: Discriminator
  /** Number of classes of a conditional model. */
  readonly classes?: number
  /** A classifier finds out labels: they may be unknown. */
  readonly hasClassifier?: boolean
  /** Every parameter in the order in which they are drawn and listed, each weight before its bias. */
  parameters(): ParameterSpec[]
  /** Rows of the decoder, and of noise, per image. */
  rowsPerImage(request: Pick<PlanRequest, 'output' | 'importanceSamples'>): number
  /** Batches that its networks take stacked, 1 unless given. */
  readonly batches?: number
  /** Compiles it into the list of dispatches that answers the request. */
  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan
}
