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

  /** The gradient of one parameter, or of several that lie right after one another. */
  gradient(...names: string[]): PlanTensor {
    return this.parts('gradients', names)
  }

  /** All that lies from one parameter to another, both included, and at which vector each of it begins. */
  span(first: string, last: string): { tensor: PlanTensor; quadOf(name: string): number } {
    const { offsets } = this.placement
    const offset = offsets[first]
    const end = offsets[last] + this.elementsOf(last)
    return {
      tensor: { name: `parameters.${first}`, elements: end - offset, storage: 'parameters', offset },
      quadOf: (name) => (offsets[name] - offset) / 4,
    }
  }

  /**
   * What an optimiser's update goes over: the trained part of each arena, or what some parameters that lie together
   * have of it.
   */
  updateTensors(isPart?: (name: string) => boolean): Omit<UpdateTensors, 'status'> {
    const { trained, offsets } = this.placement
    const starts = this.specs.filter(({ buffer }) => !buffer).map(({ name }) => ({ at: offsets[name], name }))
    const own = starts.filter(({ name }) => isPart?.(name) ?? true).map(({ at }) => at)
    const offset = Math.min(...own)
    const behind = starts.filter(({ name, at }) => at > offset && !(isPart?.(name) ?? true)).map(({ at }) => at)
    const elements = Math.min(trained, ...behind) - offset
    const whole = (storage: string): PlanTensor => ({ name: storage, elements, storage, offset })
    return { parameters: whole('parameters'), gradients: whole('gradients'), m: whole('m'), v: whole('v') }
  }

  /** Parameters that lie right after one another, as one tensor. */
  private parts(storage: string, names: string[]): PlanTensor {
    const key = `${storage} ${names.join(' ')}`
    let tensor = this.tensors.get(key)
    if (!tensor) {
      const elements = names.reduce((sum, name) => sum + this.elementsOf(name), 0)
      tensor = { name: `${storage}.${names[0]}`, elements, storage, offset: this.placement.offsets[names[0]] }
      this.tensors.set(key, tensor)
    }
    return tensor
  }

  private elementsOf(name: string): number {
    return innerElements(this.specs.find((spec) => spec.name === name)!.layout)
  }
}
