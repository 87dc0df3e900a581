import { padTo4 } from '../../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../../../test/reference/activation.js'
import { activationOf } from '../values.js'
import { FUNCTION_BOUND, rowsOf, Sum, type Bindings, type Constants, type Expected, type Given, type Reference } from './reference.js'

/** Inputs in ±1, weights as a layer of that many inputs has them. */
function inputs({ B, I, O, INPUTS }: Constants, seed: number, bindings: Bindings): Record<string, Float32Array> {
  const all: Record<string, () => Float32Array> = {
    x: () => rowsOf('x', seed, B, I),
    w: () => padded(rowsOf('w', seed, O, I, Math.sqrt(6 / (I + O))), padTo4(O) * padTo4(I)),
    b: () => rowsOf('b', seed, 1, O, 0.05),
    dy: () => rowsOf('dy', seed, B, O),
  }
  const named = Object.keys(bindings).filter((name) => name in all && !(name === 'w' && INPUTS === 0))
  return Object.fromEntries(named.map((name) => [name, all[name]()]))
}

function padded(values: Float32Array, length: number): Float32Array {
  const all = new Float32Array(length)
  all.set(values)
  return all
}

/** y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i]), 0 in the padding */
function forward({ constants, before, places }: Given): Expected[] {
  const { I, O } = constants
  const { x, w, b } = before
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  return places('y').map((index) => {
    const [n, o] = [Math.floor(index / strideO), index % strideO]
    if (o >= O) return { output: 'y', index, value: 0, bound: 0 }
    const sum = new Sum()
    sum.add(b[o])
    for (let i = 0; i < I; i++) sum.add(x[n * strideI + i] * w[o * strideI + i])
    const [value] = activationForward([sum.value], activationOf(constants))
    return { output: 'y', index, value, bound: sum.bound + (constants.ACTIVATION ? FUNCTION_BOUND : 0) }
  })
}

/** dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i] */
function backwardInput({ constants, before, places }: Given): Expected[] {
  const { I, O } = constants
  const { x, w, dy } = before
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  return places('dx').map((index) => {
    const [n, i] = [Math.floor(index / strideI), index % strideI]
    const sum = new Sum()
    for (let o = 0; o < O; o++) sum.add(dy[n * strideO + o] * w[o * strideI + i])
    const [value] = activationBackward([x[index]], [sum.value], activationOf(constants, '_X'))
    return { output: 'dx', index, value, bound: sum.bound }
  })
}

/** dw[o,i] = Σ_n dy[n,o] · x[n,i]      db[o] = Σ_n dy[n,o] */
function backwardWeight({ constants, before, places }: Given): Expected[] {
  const { B, I, O } = constants
  const { x, dy } = before
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  const weights = places('dw').map((index) => {
    const [o, i] = [Math.floor(index / strideI), index % strideI]
    const sum = new Sum()
    for (let n = 0; n < B; n++) sum.add(dy[n * strideO + o] * x[n * strideI + i])
    return { output: 'dw', index, value: sum.value, bound: sum.bound }
  })
  const biases = places('db').map((index) => {
    const sum = new Sum()
    for (let n = 0; n < B; n++) sum.add(dy[n * strideO + index])
    return { output: 'db', index, value: sum.value, bound: sum.bound }
  })
  return [...weights, ...biases]
}

/** By kernel, for its tilings too. */
export const denseReferences: Record<string, Reference> = {
  dense_forward: { inputs, expected: forward },
  dense_backward: {
    inputs,
    expected: (given) => [...(given.constants.INPUTS ? backwardInput(given) : []), ...backwardWeight(given)],
  },
  dense_backward_input: { inputs, expected: backwardInput },
  dense_backward_weight: { inputs, expected: backwardWeight },
}
