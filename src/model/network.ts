import type { ParameterArena } from './arena.js'
import type { LossPart } from './loss-parts.js'
import type { ParameterSpec } from './parameters.js'
import type { CompiledPlan, PlanRequest } from './request.js'
import type { ImageShape } from './shapes.js'
import type { VaeSpec } from './spec.js'

/** What has parameters and compiles into plans: a model, or a prior over a model's codes. No GPU object. */
export interface Network {
  /** The specification as it was given, of a model. */
  readonly spec?: VaeSpec
  readonly input: ImageShape
  /** Weight of the KL term, where training does not give another. */
  readonly klWeight: number
  /** The parts of its loss, in the order in which plans leave them, and how `total` follows. */
  readonly lossParts: readonly LossPart[]
  /** Number of classes where it is conditional. */
  readonly classes?: number
  /** The request whose activations for one image it needs room for at least; images of images unless given. */
  readonly least?: Omit<PlanRequest, 'batch'>
  /** Every parameter in the order in which they are drawn and listed, each weight before its bias. */
  parameters(): ParameterSpec[]
  /** Rows of the decoder, and of noise, per image. */
  rowsPerImage(request: Pick<PlanRequest, 'output' | 'importanceSamples'>): number
  /** Batches that its networks take stacked, 1 unless given. */
  readonly batches?: number
  /** Compiles it into the list of dispatches that answers the request. */
  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan
}
