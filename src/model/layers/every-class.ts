import { classBackwardInput, classBackwardWeight, classForward } from '../../ops/classes.js'
import { conditionForward } from '../../ops/condition.js'
import { denseBackwardWeight, denseForward } from '../../ops/dense.js'
import { padTo4 } from '../../ops/dispatch.js'
import type { Value } from '../graph.js'
import { activated, fused } from './activated.js'
import { ConditionLayer } from './condition.js'
import { DenseLayer } from './dense.js'
import { forwardAll, type Frame, type Layer } from './layer.js'

/**
 * The layers of a conditional encoder for every class of every image: row n·K + k is class k of image n. A dense layer
 * behind the label reads each image once, and adds each class's column to what that comes to.
 */
export function forwardEveryClass(layers: readonly Layer[], x: Value, frame: Frame): Value {
  const every: Frame = { ...frame, everyClass: true }
  const at = layers.findIndex((layer) => layer instanceof ConditionLayer)
  const [condition, first] = layers.slice(at)
  if (!(condition instanceof ConditionLayer && first instanceof DenseLayer)) return forwardAll(layers, x, every)
  const before = forwardAll(layers.slice(0, at), x, every)
  return forwardAll(layers.slice(at + 2), denseOfEveryClass(condition, first, before, every), every)
}

/** What comes before the label has no parameters: no gradient runs back to x. */
function denseOfEveryClass({ classes: K }: ConditionLayer, layer: DenseLayer, x: Value, { graph }: Frame): Value {
  const { path, input, output } = layer
  const activation = fused(layer.activation)
  const [I, O] = [input.size, output.size]
  const C = I - K
  const { w, b } = graph.layer(path)
  const without = graph.value(`${path}.x`, x, padTo4(I))
  const sum = graph.value(`${path}.sum`, x, padTo4(O))
  const y = graph.value(`${path}.y`, { rows: x.rows * K, samples: K }, padTo4(O), activation)
  const shape = { B: x.rows, I, O }
  const classes = { B: x.rows, K, C, O }
  graph.push(
    conditionForward({ x: x.tensor, labels: 'none', y: without.tensor }, { B: x.rows, P: 1, C, K }),
    denseForward({ x: without.tensor, w, b, y: sum.tensor }, shape, 'linear'),
    classForward({ x: sum.tensor, w, y: y.tensor }, classes, activation),
  )
  graph.record({
    inputs: [],
    outputs: [y],
    parameters: [path],
    backward: (pass) => {
      const gradients = pass.parameters(path)
      if (!gradients) return
      const { accumulate, ...d } = gradients
      const [dy, dsum] = [pass.gradient(y)!, graph.builder.activation(`${path}.dsum`, sum.tensor.elements)]
      graph.push(
        classBackwardInput({ dy, dx: dsum }, classes),
        denseBackwardWeight({ dy: dsum, x: without.tensor, ...d }, shape, { accumulate }),
        classBackwardWeight({ dy, dw: d.dw }, classes),
      )
    },
  })
  return activated(y, layer.activation, `${path}.activation`, graph)
}
