import type { Activation } from '../../ops/activation.js'
import { denseBackward, denseBackwardInput, denseBackwardWeight, denseForward } from '../../ops/dense.js'
import { padTo4 } from '../../ops/dispatch.js'
import { checkElements, readWhole } from '../fields.js'
import { readActivation } from '../spec-fields.js'
import type { Graph, Value } from '../graph.js'
import { denseParameters } from '../parameters.js'
import type { VectorShape } from '../shapes.js'
import type { DenseSpec } from '../spec.js'
import { activated, fused } from './activated.js'
import type { Frame, Layer, LayerKind } from './layer.js'
import { vectorOf } from './view.js'

/** y = act(W x + b); weights follow the orders of both vectors. */
export class DenseLayer implements Layer {
  readonly kind = 'dense'

  constructor(
    readonly path: string,
    readonly input: VectorShape,
    readonly output: VectorShape,
    readonly activation: Activation,
  ) {}

  parameters() {
    return denseParameters(this.path, this.input, this.output)
  }

  forward(x: Value, { graph }: Frame): Value {
    const { path, input, output, activation } = this
    const names = { y: `${path}.y`, dx: `${path}.dx` }
    const y = denseProduct(graph, x, [path], { I: input.size, O: output.size }, fused(activation), names)
    return activated(y, activation, `${path}.activation`, graph)
  }
}

/**
 * y = act(W x + b) as a node of the graph.
 * @param paths of the layer; several that lie right after one another count as one
 */
export function denseProduct(
  graph: Graph,
  x: Value,
  paths: readonly string[],
  { I, O }: { I: number; O: number },
  activation: Activation,
  names: { y: string; dx: string },
): Value {
  const { w, b } = graph.layer(...paths)
  const y = graph.value(names.y, x, padTo4(O), activation)
  graph.push(denseForward({ x: x.tensor, w, b, y: y.tensor }, { B: x.rows, I, O }, activation))
  graph.record({
    inputs: [x],
    outputs: [y],
    parameters: paths,
    backward: (pass) => {
      const dy = pass.gradient(y)!
      const shape = { B: pass.rows(x).rows, I, O }
      const gradients = pass.parameters(...paths)
      if (gradients && !pass.leads(x)) {
        const { accumulate, ...d } = gradients
        graph.push(denseBackwardWeight({ dy, x: x.tensor, ...d }, shape, { accumulate }))
      }
      pass.send(x, names.dx, 'in-place', ({ dx, activation: activationX, add }) => {
        const options = { add: add !== undefined }
        if (!gradients) return [denseBackwardInput({ dy, x: x.tensor, w, dx }, shape, activationX, options)]
        const { accumulate, ...d } = gradients
        return [denseBackward({ dy, x: x.tensor, w, dx, ...d }, shape, activationX, { ...options, accumulate })]
      })
    },
  })
  return y
}

/** y = act(W x + b) of a vector; an image is flattened first. */
export const dense: LayerKind<DenseSpec> = {
  type: 'dense',
  keys: ['units', 'activation'],
  read: ({ units, activation }, path) => {
    return { type: 'dense', units: readWhole(units, `${path}.units`, 1), ...readActivation(activation, path) }
  },
  resolve({ units, activation = 'linear' }, input, { path, name }, { groups }) {
    const { views, vector } = vectorOf(input, name, groups)
    checkElements(units * vector.size, `${path}.units`, `${units} × ${vector.size} weights`)
    return [...views, new DenseLayer(name, vector, groups.add(units), activation)]
  },
}
