import type { VaeSpec } from '../../src/model/spec.js'
import { referenceGradients, type Parameters, type ReferenceLoss } from './model.js'
import {
  adamUpdate, rmspropUpdate, sgdUpdate, type AdamOptions, type RmspropOptions, type SgdOptions,
} from './optimizers.js'

export type ReferenceOptimizer =
  | ({ type: 'adam' } & AdamOptions)
  | ({ type: 'rmsprop' } & RmspropOptions)
  | ({ type: 'sgd' } & SgdOptions)

/** Trains a copy of the given parameters, one batch a step. */
export class ReferenceTrainer {
  readonly parameters: Record<string, { shape: number[]; data: Float64Array }>
  private readonly moments: Record<string, { m: Float64Array; v: Float64Array }>
  private steps = 0

  constructor(
    private readonly spec: VaeSpec,
    parameters: Parameters,
    private readonly optimizer: ReferenceOptimizer,
  ) {
    const entries = Object.entries(parameters)
    const copy = ({ shape, data }: Parameters[string]) => ({ shape, data: Float64Array.from(data) })
    const zeros = ({ data }: Parameters[string]) => new Float64Array(data.length)
    this.parameters = Object.fromEntries(entries.map(([name, tensor]) => [name, copy(tensor)]))
    this.moments = Object.fromEntries(entries.map(([name, tensor]) => [name, { m: zeros(tensor), v: zeros(tensor) }]))
  }

  /** One update; returns the loss before it. */
  step(images: ArrayLike<number>, noise: ArrayLike<number> = []): ReferenceLoss {
    const { loss, gradients } = referenceGradients(this.spec, this.parameters, images, noise)
    this.steps++
    for (const [name, { data: g }] of Object.entries(gradients)) {
      const state = { p: this.parameters[name].data, ...this.moments[name] }
      if (this.optimizer.type === 'adam') adamUpdate(state, g, this.steps, this.optimizer)
      else if (this.optimizer.type === 'rmsprop') rmspropUpdate(state, g, this.optimizer)
      else sgdUpdate(state, g, this.optimizer)
    }
    return loss
  }
}
