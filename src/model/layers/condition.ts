import { conditionBackward, conditionForward } from '../../ops/condition.js'
import { padTo4 } from '../../ops/dispatch.js'
import type { Graph, Rows, Value } from '../graph.js'
import { type OrderGroups, type Shape, sizeOf } from '../shapes.js'
import type { Frame, Layer } from './layer.js'

/** The one-hot label after the channels of every pixel, or the values of a vector. No layer of a specification. */
export class ConditionLayer implements Layer {
  readonly kind = 'condition'
  readonly path: string
  readonly output: Shape

  constructor(
    list: string,
    readonly input: Shape,
    readonly classes: number,
    groups: OrderGroups,
  ) {
    this.path = `${list}.condition`
    this.output =
      input.kind === 'image' ? { ...input, c: input.c + classes } : groups.add(input.size + classes, 'plain')
  }

  parameters(): [] {
    return []
  }

  forward(x: Value, { graph, labels, everyClass }: Frame): Value {
    if (everyClass) return this.forEveryClass(x, graph)
    const { path, input, output, classes } = this
    const [P, C] = input.kind === 'image' ? [input.h * input.w, input.c] : [1, input.size]
    const shapeOf = ({ rows: B, samples, batches }: Rows) => ({ B, P, C, K: classes, samples, batches })
    const y = graph.value(`${path}.y`, x, padTo4(sizeOf(output)))
    graph.push(conditionForward({ x: x.tensor, labels: labels!(), y: y.tensor }, shapeOf(x)))
    graph.record({
      inputs: [x],
      outputs: [y],
      backward: (pass) => {
        if (!pass.leads(x)) return
        const rows = pass.rows(x)
        const dx = graph.value(`${path}.dx`, rows, x.tensor.elements / x.rows).tensor
        graph.push(conditionBackward({ dy: pass.gradient(y)!, dx }, shapeOf(rows)))
        pass.passOn(x, dx)
      },
    })
    return y
  }

  /** Gives an image of one row a row for every class; rows that are for a class each get its label. */
  private forEveryClass(x: Value, graph: Graph): Value {
    const { path, input, output, classes: K } = this
    const [P, C] = input.kind === 'image' ? [input.h * input.w, input.c] : [1, input.size]
    const repeat = x.samples === 1 ? K : 1
    const y = graph.value(`${path}.y`, { rows: x.rows * repeat, samples: K }, padTo4(sizeOf(output)))
    const shape = { B: y.rows, P, C, K, repeat }
    graph.push(conditionForward({ x: x.tensor, labels: 'every', y: y.tensor }, shape))
    graph.record({
      inputs: [x],
      outputs: [y],
      backward: (pass) => {
        if (!pass.leads(x)) return
        if (repeat > 1) throw new Error(`${path}: what comes before the label has no parameters`)
        const dx = graph.value(`${path}.dx`, x, x.tensor.elements / x.rows).tensor
        graph.push(conditionBackward({ dy: pass.gradient(y)!, dx }, shape))
        pass.passOn(x, dx)
      },
    })
    return y
  }
}
