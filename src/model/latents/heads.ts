import { padTo4 } from '../../ops/dispatch.js'
import { columns } from '../../tensor.js'
import type { Graph, Value } from '../graph.js'
import { denseProduct } from '../layers/dense.js'
import { denseParameters, type ParameterSpec } from '../parameters.js'
import type { VectorShape } from '../shapes.js'

/** One head: what its layer is called, and how many values it has. */
export interface Head {
  path: string
  output: VectorShape
}

/** The dense layers after the encoder, stacked into one product: the rows of the first, then those of the next. */
export class Heads {
  constructor(
    readonly input: VectorShape,
    readonly heads: readonly Head[],
  ) {}

  /** Elements of a row of their output; each head's values are padded to whole vectors. */
  get width(): number {
    return this.heads.reduce((sum, { output }) => sum + padTo4(output.size), 0)
  }

  /** Every head's weight and bias lie right after the first one's. */
  parameters(): ParameterSpec[] {
    const [first, ...others] = this.heads.map(({ path, output }) => denseParameters(path, this.input, output))
    const stacked = others.map((specs) => specs.map((spec, i) => ({ ...spec, behind: first[i].name })))
    return [...first, ...stacked.flat()]
  }

  /** Their output, in a row of `width`. */
  forward(features: Value, graph: Graph): Value {
    const { heads, input } = this
    const paths = heads.map(({ path }) => path)
    const O = heads.length === 1 ? heads[0].output.size : this.width
    return denseProduct(graph, features, paths, { I: input.size, O }, 'linear', { y: 'head', dx: 'latent.dx' })
  }

  /** One head's values out of rows of `width`. */
  read(head: number, rows: number, data: Float32Array): Float32Array {
    const first = this.heads.slice(0, head).reduce((sum, { output }) => sum + padTo4(output.size), 0)
    return columns(data, rows, this.width, first, this.heads[head].output.size)
  }
}
