import type { PlanTensor } from '../../ops/dispatch.js'
import type { Graph, Value } from '../graph.js'
import type { ParameterSpec } from '../parameters.js'
import type { OrderGroups, Shape } from '../shapes.js'
import type { LayerSpec } from '../spec.js'

/** What the layers of one network share while their dispatches are pushed. */
export interface Frame {
  graph: Graph
  /** `[images]` class indices as words, of a conditional model's batch. */
  labels?: () => PlanTensor
  /** Every image has a row for every class, in place of its label's alone. */
  everyClass?: boolean
  /** What batch normalisation needs of a training pass; elsewhere it takes the running statistics. */
  batchStatistics?: BatchStatistics
}

/** Where the statistics of a batch go. */
export interface BatchStatistics {
  /**
   * Where one use of the layer with that path, of so many stacked batches, leaves their means and variances, and how
   * far apart; uses count in order.
   */
  of(path: string, batches: number): { statistics: PlanTensor; apart: number }
  /** Set where they are not finite. */
  status: PlanTensor
}

/** A layer whose shapes are known. */
export interface Layer {
  /** The type of the specification, or `condition`. */
  readonly kind: string
  /** The prefix of its parameters' names (`encoder.2.0`), unique among the layers of a model. */
  readonly path: string
  readonly input: Shape
  readonly output: Shape
  /** In the order in which they are drawn and listed; call once the orders of all vectors are settled. */
  parameters(): ParameterSpec[]
  /** Pushes the dispatches of the forward pass and records how the gradient runs back. */
  forward(x: Value, frame: Frame): Value
  /** `forward(x) + skip` in the same dispatch, where the layer can. */
  forwardAdding?(x: Value, skip: Value, frame: Frame): Value
}

/** A layer's place: in messages (`encoder[2].layers[0]`) and in names (`encoder.2.0`). */
export interface Place {
  path: string
  name: string
}

/** Reads a list of layers inside a layer. */
export type ReadLayers = (value: unknown, path: string) => LayerSpec[]

/** What a layer needs to find its shapes. */
export interface ResolveContext {
  groups: OrderGroups
  /** The layers of a list inside a layer. */
  resolve(specs: readonly LayerSpec[], input: Shape, placeOf: (i: number) => Place): Layer[]
}

/** One kind of layer: all that the rest of the model knows of it. */
export interface LayerKind<S extends LayerSpec = LayerSpec> {
  type: S['type']
  /** What a specification may say beside `type`. */
  keys: readonly string[]
  /** Checks every value on its own. @throws SpecError with the path of what is wrong */
  read(fields: Record<string, unknown>, path: string, layers: ReadLayers): S
  /** Checks that it fits its input. @returns the layer, after the views that its input needs */
  resolve(spec: S, input: Shape, place: Place, context: ResolveContext): Layer[]
}

/** Pushes the forward passes of layers, one after another. */
export function forwardAll(layers: readonly Layer[], input: Value, frame: Frame): Value {
  return layers.reduce((value, layer) => layer.forward(value, frame), input)
}

/** The shape after the last layer. */
export function lastShape(layers: readonly Layer[], input: Shape): Shape {
  return layers.at(-1)?.output ?? input
}

/** The places of a list of layers. */
export function listPlaces(list: string): (i: number) => Place {
  return (i) => ({ path: `${list}[${i}]`, name: `${list}.${i}` })
}
