import type { Activation } from '../../ops/activation.js'
import { activationForward, siluBackward } from '../../ops/elementwise.js'
import type { Graph, Value } from '../graph.js'

/** What a layer's own kernel applies: the activation, or nothing where that needs a dispatch of its own. */
export function fused(activation: Activation): Activation {
  return activation === 'silu' ? 'linear' : activation
}

/** The layer's output after an activation that is not `fused`: x itself unless there is one. */
export function activated(x: Value, activation: Activation, name: string, graph: Graph): Value {
  if (activation === fused(activation)) return x
  const y = graph.alike(name, x)
  const shape = { B: x.rows, N: x.tensor.elements / x.rows } // padding counted: silu(0) = 0
  graph.push(activationForward({ x: x.tensor, y: y.tensor }, shape, activation))
  graph.record({
    inputs: [x],
    outputs: [y],
    backward: (pass) => {
      const dy = pass.gradient(y)!
      pass.send(x, `${name}.dx`, 'in-place', ({ dx, add }) => [
        siluBackward({ dy, x: x.tensor, dx }, { add: add !== undefined }), // what made x is linear: no further factor
      ])
    },
  })
  return y
}
