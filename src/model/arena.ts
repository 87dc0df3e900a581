import type { PlanTensor } from '../ops/dispatch.js'
import type { UpdateTensors } from '../ops/update.js'
import { innerElements } from './layout.js'
import { placeParameters, type ParameterSpec, type Placement } from './parameters.js'

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

  constructor(model: { parameters(): ParameterSpec[] }) {
    this.specs = model.parameters()
    this.placement = placeParameters(this.specs)
  }

  /** The tensors of the layer with that path; of several that lie right after one another, as one layer. */
  layer(...paths: string[]): LayerTensors {
    const of = (storage: string, part: string) => this.parts(storage, paths.map((path) => `${path}.${part}`))
    return {
      w: of('parameters', 'weight'),
      b: of('parameters', 'bias'),
      dw: of('gradients', 'weight'),
      db: of('gradients', 'bias'),
    }
  }

  /** One parameter, or several that lie right after one another. */
  parameters(...names: string[]): PlanTensor {
    return this.parts('parameters', names)
  }

  /** The gradient of one parameter. */
  gradient(name: string): PlanTensor {
    return this.parts('gradients', [name])
  }

  /** What an optimiser's update goes over: the trained part of each arena. */
  updateTensors(): Omit<UpdateTensors, 'status'> {
    const elements = this.placement.trained
    const whole = (storage: string): PlanTensor => ({ name: storage, elements, storage, offset: 0 })
    return { parameters: whole('parameters'), gradients: whole('gradients'), m: whole('m'), v: whole('v') }
  }

  /** Parameters that lie right after one another, as one tensor. */
  private parts(storage: string, names: string[]): PlanTensor {
    const key = `${storage} ${names.join(' ')}`
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
