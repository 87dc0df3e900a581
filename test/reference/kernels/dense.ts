import { denseBackward, denseBackwardWeight, denseForward, denseForwardTransposed } from '../../../src/ops/dense.js'
import { padTo4, type Dispatch, type PlanTensor } from '../../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../activation.js'
import * as reference from '../dense.js'
import { activationOf } from './values.js'
import {
  columnOf, FUNCTION_BOUND, rowsOf, summed, tensors,
  type Bindings, type Constants, type Expected, type Given, type KernelCase, type Size,
} from './case.js'

type Values = ArrayLike<number>

/** Inputs in ±1, weights as a layer of that many inputs has them. */
function inputs({ B, I, O, INPUTS }: Constants, seed: number, bindings: Bindings): Record<string, Float32Array> {
  const all: Record<string, () => Float32Array> = {
    x: () => rowsOf('x', seed, B, I),
    w: () => padded(rowsOf('w', seed, O, I, Math.sqrt(6 / (I + O))), padTo4(O) * padTo4(I)),
    b: () => rowsOf('b', seed, 1, O, 0.05),
    dy: () => rowsOf('dy', seed, B, O),
  }
  const isRead = (name: string) => name in all && !(name === 'w' && INPUTS === 0) && !isUnused(bindings[name])
  const named = Object.keys(bindings).filter(isRead)
  return Object.fromEntries(named.map((name) => [name, all[name]()]))
}

/** Whether it stands in for a tensor that a dispatch has no use for. */
function isUnused({ name }: PlanTensor): boolean {
  return name.startsWith('unused')
}

function padded(values: Float32Array, length: number): Float32Array {
  const all = new Float32Array(length)
  all.set(values)
  return all
}

/** One output of a layer: the reference's with one row and one unit. */
function forward({ constants, before: { x, w, b }, places }: Given): Expected[] {
  const { I, O } = constants
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  return places('y').map((index) => {
    const [n, o] = [Math.floor(index / strideO), index % strideO]
    if (o >= O) return { output: 'y', index, value: 0, bound: 0 }
    const row = (values: Float32Array, i: number) => values.subarray(i * strideI, i * strideI + I)
    const unit = (x: Values, w: Values, b: Values) => reference.denseForward(x, w, b, { B: 1, I, O: 1 })
    const { value, bound } = summed(unit, row(x, n), row(w, o), [b[o]])
    const [y] = activationForward([value], activationOf(constants))
    return { output: 'y', index, value: y, bound: bound + (constants.ACTIVATION ? FUNCTION_BOUND : 0) }
  })
}

/** The gradient of one input: the reference's with one row and one input. */
function backwardInput({ constants, before: { x, w, dy }, places }: Given): Expected[] {
  const { I, O } = constants
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  return places('dx').map((index) => {
    const [n, i] = [Math.floor(index / strideI), index % strideI]
    const input = (w: Values, dy: Values) => reference.denseBackward([0], w, dy, { B: 1, I: 1, O }).dx
    const sum = summed(input, columnOf(w, O, strideI, i), dy.subarray(n * strideO, n * strideO + O))
    const [value] = activationBackward([x[index]], [sum.value], activationOf(constants, '_X'))
    return { output: 'dx', index, value, bound: sum.bound }
  })
}

/** The gradient of one weight and of one bias: the reference's with one input and one unit. */
function backwardWeight({ constants, before: { x, dy }, places }: Given): Expected[] {
  const { B, I, O } = constants
  const [strideI, strideO] = [padTo4(I), padTo4(O)]
  const shape = { B, I: 1, O: 1 }
  const weights = places('dw').map((index) => {
    const [o, i] = [Math.floor(index / strideI), index % strideI]
    const weight = (x: Values, dy: Values) => reference.denseBackward(x, [0], dy, shape).dw
    return { output: 'dw', index, ...summed(weight, columnOf(x, B, strideI, i), columnOf(dy, B, strideO, o)) }
  })
  const biases = places('db').map((index) => {
    const bias = (dy: Values) => reference.denseBackward(new Float64Array(B), [0], dy, shape).db
    return { output: 'db', index, ...summed(bias, columnOf(dy, B, strideO, index)) }
  })
  return [...weights, ...biases]
}

/** Shapes of the tiles of 8 × 16 and of 4 × 4; of the first there are none too few at 24 rows. */
function layers({ B, of }: Size): { B: number; I: number; O: number }[] {
  return of([[33, 100], [5, 3]], [[784, 256]]).map(([I, O]) => ({ B, I, O }))
}

function tensorsOf({ B, I, O }: { B: number; I: number; O: number }) {
  const [x, y, w, b] = [B * padTo4(I), B * padTo4(O), padTo4(O) * padTo4(I), padTo4(O)]
  return tensors({ x, y, w, b, dx: x, dy: y, dw: w, db: b })
}

type Make = (t: ReturnType<typeof tensorsOf>, shape: { B: number; I: number; O: number }) => Dispatch[]

const eachLayer = (make: Make) => (size: Size) => layers(size).flatMap((shape) => make(tensorsOf(shape), shape))

/** Each with its tilings. */
export const denseCases: KernelCase[] = [
  {
    kernel: 'dense_forward',
    inputs,
    expected: forward,
    dispatches: eachLayer((t, shape) => [denseForward(t, shape, 'tanh')]),
  },
  {
    kernel: 'dense_backward',
    inputs,
    expected: (given) => {
      const { I, O } = given.constants
      const hasWeights = given.before.dw.length >= O * padTo4(I)
      return [...(given.constants.INPUTS ? backwardInput(given) : []), ...(hasWeights ? backwardWeight(given) : [])]
    },
    dispatches: eachLayer((t, shape) => {
      const { B, I, O } = shape
      const transposed = denseForwardTransposed({ x: t.y, w: t.w, y: t.x }, { B, I: O, O: I })
      return [denseBackward(t, shape, 'relu'), denseBackwardWeight(t, shape), transposed]
    }),
  },
  // Naive kernels are the benchmark's alone, which times them beside those that they stand for.
  { kernel: 'dense_backward_input_naive', inputs, expected: backwardInput, dispatches: () => [] },
  { kernel: 'dense_backward_weight_naive', inputs, expected: backwardWeight, dispatches: () => [] },
]
