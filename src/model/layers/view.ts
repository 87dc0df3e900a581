import { permuteForward } from '../../ops/elementwise.js'
import type { Value } from '../graph.js'
import type { ImageShape, OrderGroups, Shape, VectorShape } from '../shapes.js'
import { channelsOf, orderOf, sameOrder, sizeOf } from '../shapes.js'
import type { Frame, Layer } from './layer.js'

/**
 * An image seen as a vector, or a vector as an image: the same storage under another shape, unless the vector lies in
 * an order that other layers demanded first. Then it is permuted.
 */
export class View<From extends Shape = Shape, To extends Shape = Shape> implements Layer {
  constructor(
    readonly kind: 'flatten' | 'reshape',
    readonly path: string,
    readonly input: From,
    readonly output: To,
  ) {}

  /** From and to how many channels side by side the values are permuted; nothing where they lie as they should. */
  get permutation(): { from: number; to: number } | undefined {
    const [from, to] = [this.input, this.output].map((shape) => (shape.kind === 'vector' ? shape.order : orderOf(shape)))
    return sameOrder(from, to) ? undefined : { from: channelsOf(from), to: channelsOf(to) }
  }

  parameters(): [] {
    return []
  }

  forward(x: Value, { graph }: Frame): Value {
    const { permutation, path } = this
    if (!permutation) return x
    const { from, to } = permutation
    const N = sizeOf(this.input)
    const y = graph.alike(`${path}.y`, x)
    graph.push(permuteForward({ x: x.tensor, y: y.tensor }, { B: x.rows, N, from, to }))
    graph.record({
      inputs: [x],
      outputs: [y],
      backward: (pass) => {
        const dy = pass.gradient(y)!
        if (!pass.leads(x)) return
        const rows = pass.rows(x)
        const dx = graph.value(`${path}.dx`, rows, x.tensor.elements / x.rows).tensor
        graph.push(permuteForward({ x: dy, y: dx }, { B: rows.rows, N, from: to, to: from }))
        pass.passOn(x, dx)
      },
    })
    return y
  }
}

/** An image as a vector in PyTorch's order (channel, row, column). */
export function flattened(input: ImageShape, path: string, groups: OrderGroups): View<ImageShape, VectorShape> {
  return new View('flatten', path, input, groups.add(sizeOf(input), orderOf(input)))
}

/** A vector as an image. */
export function reshaped(input: VectorShape, output: ImageShape, path: string, groups: OrderGroups): View {
  groups.demand(input, orderOf(output))
  return new View('reshape', path, input, output)
}

/** A vector as it is, an image through a flatten that the specification leaves out. */
export function vectorOf(shape: Shape, name: string, groups: OrderGroups): { views: Layer[]; vector: VectorShape } {
  if (shape.kind === 'vector') return { views: [], vector: shape }
  const view = flattened(shape, `${name}.flatten`, groups)
  return { views: [view], vector: view.output }
}
