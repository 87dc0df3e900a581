import type { PlanTensor } from '../ops/dispatch.js'
import type { UpdateTensors } from '../ops/update.js'
import { innerElements } from './layout.js'
import { CODEBOOK, parameterSpecs, placeParameters, type ParameterSpec, type Placement } from './parameters.js'
import type { ResolvedModel } from './resolve.js'

/** A weight and bias with their gradients. */
export interface LayerTensors {
  w: PlanTensor
  b: PlanTensor
  dw: PlanTensor
  db: PlanTensor
}

/** Where every parameter, its gradient and its moments lie: one flat arena each, all placed alike. */
export class ParameterArena {
  readonly specs: readonly ParameterSpec[]
  readonly placement: Placement
  private readonly tensors = new Map<string, PlanTensor>()

  constructor(private readonly model: ResolvedModel) {
    this.specs = parameterSpecs(model)
    this.placement = placeParameters(this.specs)
  }

  /** The tensors of the layer with that path. */
  layer(path: string): LayerTensors {
    const of = (storage: string, part: string) => this.part(storage, [`${path}.${part}`])
    return {
      w: of('parameters', 'weight'),
      b: of('parameters', 'bias'),
      dw: of('gradients', 'weight'),
      db: of('gradients', 'bias'),
    }
  }

  /** The heads as one layer: mean's rows, then log-variance's. */
  heads(): { w: PlanTensor; b: PlanTensor } {
    return { w: this.part('parameters', this.headNames('weight')), b: this.part('parameters', this.headNames('bias')) }
  }

  /** The gradients of `heads`. */
  headGradients(): { dw: PlanTensor; db: PlanTensor } {
    return { dw: this.part('gradients', this.headNames('weight')), db: this.part('gradients', this.headNames('bias')) }
  }

  /** The codes of a vector-quantised model `[P4(K), P4(D)]`, and their gradient. */
  codebook(): { codebook: PlanTensor; dcodebook: PlanTensor } {
    return { codebook: this.part('parameters', [CODEBOOK]), dcodebook: this.part('gradients', [CODEBOOK]) }
  }

  /** The log-variance of a Gaussian likelihood that learns it, and its gradient. */
  likelihood(): { logVariance: PlanTensor; dlogVariance: PlanTensor } {
    const name = 'likelihood.log_variance'
    return { logVariance: this.part('parameters', [name]), dlogVariance: this.part('gradients', [name]) }
  }

  /** The whole arenas, for the optimiser's update. */
  updateTensors(): Omit<UpdateTensors, 'status'> {
    const { elements } = this.placement
    const whole = (storage: string): PlanTensor => ({ name: storage, elements, storage, offset: 0 })
    return { parameters: whole('parameters'), gradients: whole('gradients'), m: whole('m'), v: whole('v') }
  }

  private headNames(part: string): string[] {
    const heads = this.model.latent.type === 'gaussian' ? ['mean', 'log_variance'] : ['mean']
    return heads.map((head) => `latent.${head}.${part}`)
  }

  /** Parameters that lie right behind one another, as one tensor. */
  private part(storage: string, names: string[]): PlanTensor {
    const key = `${storage} ${names[0]}`
    let tensor = this.tensors.get(key)
    if (!tensor) {
      const sizes = names.map((name) => innerElements(this.specs.find((spec) => spec.name === name)!.layout))
      const elements = sizes.reduce((sum, size) => sum + size, 0)
      tensor = { name: `${storage}.${names[0]}`, elements, storage, offset: this.placement.offsets[names[0]] }
      this.tensors.set(key, tensor)
    }
    return tensor
  }
}
