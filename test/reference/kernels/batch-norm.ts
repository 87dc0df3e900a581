import {
  batchNormBackwardInput, batchNormBackwardWeight, batchNormForward, batchNormRunning, batchNormStatistics,
  statisticsWidth, type BatchNormShape,
} from '../../../src/ops/batch-norm.js'
import { padTo4, type Dispatch } from '../../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../activation.js'
import { batchStatistics, moveRunning, normalize } from '../batch-norm.js'
import { activationOf } from './values.js'
import {
  FUNCTION_BOUND, rowsOf, summed, tensors, total, whole,
  type Bindings, type Constants, type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

// x, dy and their like are (BATCHES·ROWS, P4(P·C)), statistics (2, P4(C)) every APART values, sums (BATCHES, 2, P4(C)),
// w and b (P4(C)).

const EPSILON = 1e-5

/** Rows of a tensor of that name, and values for the channels; variances are above 0. */
function inputsOf(names: readonly string[]): Reference['inputs'] {
  return ({ P, C }: Constants, seed: number, bindings: Bindings) => {
    const width = padTo4(P * C)
    const entries = names.map((name): [string, Float32Array] => {
      if (name === 'statistics') return [name, whole(name, seed, bindings[name]).map((v) => 1.5 + v)]
      const rows = ['w', 'b', 'sums'].includes(name) ? bindings[name].elements / padTo4(C) : 0
      return [name, rows > 0 ? rowsOf(name, seed, rows, C) : rowsOf(name, seed, bindings[name].elements / width, P * C)]
    })
    return Object.fromEntries(entries)
  }
}

/** The values of one channel in the rows of a stacked batch that the step has images for. */
function channelOf(given: Given, values: Float32Array, c: number, batch: number): Float64Array {
  const { constants: { P, C, SAMPLES, ROWS }, step } = given
  const count = step.batch * SAMPLES * P
  const stride = padTo4(P * C)
  const first = batch * ROWS * stride
  return Float64Array.from({ length: count }, (_, i) => values[first + Math.floor(i / P) * stride + (i % P) * C + c])
}

/** Mean, biased variance and count that a channel of a stacked batch is normalised by. */
function momentsOf({ constants: { P, C, SAMPLES, APART, BATCH = 1 }, step, before }: Given, c: number, batch: number) {
  const count = step.batch * SAMPLES * P
  const at = batch * APART + c
  const variance = before.statistics[padTo4(C) + at]
  return { count, mean: before.statistics[at], biased: BATCH ? (variance * (count - 1)) / count : variance }
}

/** The stacked batch of a place in x, and its row in it; COUNT is the vec4s of a batch. */
function rowOf({ constants: { P, C, COUNT } }: Given, index: number) {
  const batch = Math.floor(index / (4 * COUNT))
  return { batch, n: Math.floor((index - batch * 4 * COUNT) / padTo4(P * C)) }
}

const statistics: Reference = {
  inputs: inputsOf(['x']),
  expected: (given) => {
    const { constants: { C, APART }, before, places } = given
    return places('statistics').map((index): Expected => {
      const batch = APART === 0 ? 0 : Math.floor(index / APART)
      const at = index - batch * APART
      const [part, c] = [Math.floor(at / padTo4(C)), at % padTo4(C)]
      if (c >= C || part > 1) return { output: 'statistics', index, value: 0, bound: 0 }
      const { mean, unbiased } = batchStatistics(channelOf(given, before.x, c, batch), 1)
      return { output: 'statistics', index, value: [mean, unbiased][part][0], bound: 1e-5 }
    })
  },
}

const forward: Reference = {
  inputs: inputsOf(['x', 'statistics', 'w', 'b']),
  expected: (given) => {
    const { constants, before: { x, w, b }, places } = given
    const { P, C } = constants
    const stride = padTo4(P * C)
    return places('y').map((index): Expected => {
      const i = index % stride
      if (i >= P * C) return { output: 'y', index, value: 0, bound: 0 }
      const { mean, biased } = momentsOf(given, i % C, rowOf(given, index).batch)
      const v = normalize([x[index]], [mean], [biased], [w[i % C]], [b[i % C]])
      const [value] = activationForward(v, activationOf(constants))
      return { output: 'y', index, value, bound: FUNCTION_BOUND }
    })
  },
}

const backwardWeight: Reference = {
  inputs: inputsOf(['dy', 'x', 'statistics']),
  expected: (given) => {
    const { constants: { C }, before, places } = given
    return places('sums').map((index): Expected => {
      const [part, c] = [Math.floor(index / padTo4(C)) % 2, index % padTo4(C)]
      if (c >= C) return { output: 'sums', index, value: 0, bound: 0 }
      const batch = Math.floor(index / (2 * padTo4(C)))
      const { mean, biased } = momentsOf(given, c, batch)
      const [dy, x] = [before.dy, before.x].map((values) => channelOf(given, values, c, batch))
      const terms = part === 0 ? dy : dy.map((d, i) => (d * (x[i] - mean)) / Math.sqrt(biased + EPSILON))
      return { output: 'sums', index, ...summed(total, terms) }
    })
  },
}

const backwardInput: Reference = {
  inputs: inputsOf(['dy', 'x', 'statistics', 'w', 'sums']),
  expected: (given) => {
    const { constants, step, before: { dy, x, w, sums }, places } = given
    const { P, C, SAMPLES } = constants
    const stride = padTo4(P * C)
    return places('dx').map((index): Expected => {
      const { batch, n } = rowOf(given, index)
      const i = index % stride
      const c = i % C
      if (i >= P * C || n >= step.batch * SAMPLES) return { output: 'dx', index, value: 0, bound: 0 }
      const { mean, biased, count } = momentsOf(given, c, batch)
      const inverse = 1 / Math.sqrt(biased + EPSILON)
      const at = batch * 2 * padTo4(C) + c
      const through = (sums[at] + (x[index] - mean) * inverse * sums[at + padTo4(C)]) / count
      const before = w[c] * inverse * (dy[index] - through)
      const [value] = activationBackward([x[index]], [before], activationOf(constants, '_X'))
      return { output: 'dx', index, value, bound: FUNCTION_BOUND }
    })
  },
}

/** running = 0.9 · running + 0.1 · batch, for each use */
const running: Reference = {
  inputs: (_, seed, bindings) => ({
    batch: whole('batch', seed, bindings.batch),
    running: whole('running', seed, bindings.running),
  }),
  expected: ({ constants, before, places }) =>
    places('running').map((index): Expected => {
      const moving = [0, 1, 2].filter((k) => {
        const i = Math.floor(index / 4)
        return i >= constants[`FIRST_${k}`] && i < constants[`END_${k}`]
      })
      const seen = moving.map((k) => before.batch[constants[`USE_${k}`] * before.running.length + index])
      const value = seen.reduce((sum, next) => moveRunning([sum], [next])[0], before.running[index])
      return { output: 'running', index, value, bound: 1e-6 }
    }),
}

/** Behind a convolution or a dense layer. */
function sizesOf({ B, of }: Size) {
  const [P, C] = of([6, 5], [64, 64])
  const rows = B * padTo4(P * C)
  const names = { x: rows, y: rows, dy: rows, dx: rows, statistics: statisticsWidth(C), sums: statisticsWidth(C) }
  const t = tensors({ ...names, w: padTo4(C), b: padTo4(C), dw: padTo4(C), db: padTo4(C), status: 1 })
  return { t, shape: { B, P, C } }
}

/** Ten layers of 256 channels, or three uses of some. */
function runningDispatch({ of }: Size): Dispatch {
  const [N, uses] = of([192, [[0, 192], [64, 128], [128, 64]]], [10 * statisticsWidth(256), [[0, 10 * 512]]])
  const t = tensors({ batch: uses.length * N, running: N, status: 1 })
  return batchNormRunning(t, uses.map(([first, count], use) => ({ use, first, count })))
}

type Sizes = { t: ReturnType<typeof sizesOf>['t']; shape: BatchNormShape }

/** One batch, and for the tests three that are stacked. */
const withShape = (make: (sizes: Sizes) => Dispatch) => (size: Size) => {
  const one = sizesOf(size)
  const many = sizesOf({ ...size, B: 3 * size.B })
  const apart = statisticsWidth(many.shape.C) + 8
  const own = tensors({ statistics: 3 * apart, sums: 3 * statisticsWidth(many.shape.C) })
  const stacked = { t: { ...many.t, ...own }, shape: { ...many.shape, batches: 3, apart } }
  return [make(one), ...size.of([make(stacked)], [])]
}

export const batchNormCases: KernelCase[] = [
  {
    kernel: 'batch_norm_statistics',
    ...statistics,
    dispatches: withShape(({ t, shape }) => batchNormStatistics(t, shape)),
  },
  {
    kernel: 'batch_norm_forward',
    ...forward,
    dispatches: withShape(({ t, shape }) => batchNormForward(t, shape, 'relu', 'batch')),
  },
  {
    kernel: 'batch_norm_backward_weight',
    ...backwardWeight,
    dispatches: withShape(({ t, shape }) => batchNormBackwardWeight(t, shape, 'write')),
  },
  {
    kernel: 'batch_norm_backward_input',
    ...backwardInput,
    dispatches: withShape(({ t, shape }) => batchNormBackwardInput(t, shape, 'relu')),
  },
  { kernel: 'batch_norm_running', inPlace: ['running'], ...running, dispatches: (size) => [runningDispatch(size)] },
]
