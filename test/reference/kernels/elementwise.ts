import { ACTIVATIONS } from '../../../src/ops/activation.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import {
  activationBackward, activationForward, gradientAdd, permuteForward, residualAdd,
} from '../../../src/ops/elementwise.js'
import { gradientAccumulate, gradientNorm, NORM_PARTIALS, optimizerUpdate, RULES } from '../../../src/ops/update.js'
import { adam, rmsprop, sgd } from '../../../src/train/optimizers.js'
import * as reference from '../activation.js'
import { flatten, unflatten } from '../flatten.js'
import { adamUpdate, rmspropUpdate, sgdUpdate } from '../optimizers.js'
import { LATE_STEP } from './step.js'
import { activationOf } from './values.js'
import {
  FUNCTION_BOUND, rowsOf, summed, tensors, total, whole,
  type Bindings, type Constants, type Expected, type KernelCase, type Reference, type Size,
} from './case.js'

/** y = act(x) */
const activationForwardReference: Reference = {
  inputs: ({ B, N }, seed) => ({ x: rowsOf('x', seed, B, N, 4) }),
  expected: ({ constants, before: { x }, places }) =>
    places('y').map((index) => {
      const [value] = reference.activationForward([x[index]], activationOf(constants))
      const { N } = constants
      return { output: 'y', index, value: index % padTo4(N) < N ? value : 0, bound: FUNCTION_BOUND }
    }),
}

/** dx = dy · act'(y) */
const activationBackwardReference: Reference = {
  inputs: (_, seed, { dy, y }) => ({ dy: whole('dy', seed, dy), y: whole('y', seed, y) }),
  expected: ({ constants, before: { y, dy }, places }) =>
    places('dx').map((index) => {
      const [value] = reference.activationBackward([y[index]], [dy[index]], activationOf(constants))
      return { output: 'dx', index, value, bound: 1e-6 }
    }),
}

/** y = act(a + b) · act'(x) */
const residualAddReference: Reference = {
  inputs: (_, seed, bindings) =>
    Object.fromEntries(['a', 'b', 'x'].map((name) => [name, whole(bindings[name].name, seed, bindings[name])])),
  expected: ({ constants, before: { a, b, x }, places }) =>
    places('y').map((index) => {
      const activation = activationOf({ ACTIVATION: 0, SLOPE: 1, ...constants })
      const [sum] = reference.activationForward([a[index] + b[index]], activation)
      const ofX = activationOf({ ACTIVATION_X: 0, SLOPE_X: 1, ...constants }, '_X')
      const [value] = reference.activationBackward([x[index]], [sum], ofX)
      return { output: 'y', index, value, bound: 1e-6 }
    }),
}

/** From pixels of C_X channels to PyTorch's order (channel, row, column), and from there to pixels of C_Y. */
const permuteForwardReference: Reference = {
  inputs: ({ B, N }, seed) => ({ x: rowsOf('x', seed, B, N) }),
  expected: ({ constants: { N, C_X, C_Y }, before: { x }, places }) => {
    const stride = padTo4(N)
    return places('y').map((index) => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      const vector = flatten(x.subarray(n * stride, n * stride + N), [1, N / C_X, C_X])
      return { output: 'y', index, value: i < N ? unflatten(vector, [1, N / C_Y, C_Y])[i] : 0, bound: 0 }
    })
  },
}

/** Gradients and parameters as they come, moments as after some steps. */
function updateInputs(_: unknown, seed: number, { gradients, parameters, m, v }: Bindings) {
  return {
    gradients: whole('gradients', seed, gradients, 0.01),
    parameters: whole('parameters', seed, parameters, 0.1),
    m: whole('m', seed, m, 0.01),
    v: whole('v', seed, v, 1e-4).map(Math.abs),
  }
}

/** The moments that a rule has no use for. */
function idleMoments({ RULE, BETA1 }: Constants): string[] {
  return [...(RULE !== RULES.ADAM && BETA1 === 0 ? ['m'] : []), ...(RULE === RULES.SGD ? ['v'] : [])]
}

/** One update of the sampled parameters and their moments by the rule. */
const optimizerUpdateReference: Reference = {
  inputs: updateInputs,
  expected: ({ constants, step: { rate: learningRate }, before, places }) => {
    const { RULE, BETA1, BETA2, EPSILON: epsilon } = constants
    const at = places('parameters')
    const take = (values: Float32Array) => Float64Array.from(at, (index) => values[index])
    const state = { p: take(before.parameters), m: take(before.m), v: take(before.v) }
    const g = take(before.gradients)
    if (RULE === RULES.ADAM) adamUpdate(state, g, LATE_STEP, { learningRate, beta1: BETA1, beta2: BETA2, epsilon })
    if (RULE === RULES.RMSPROP) rmspropUpdate(state, g, { learningRate, rho: BETA2, epsilon, momentum: BETA1 })
    if (RULE === RULES.SGD) sgdUpdate(state, g, { learningRate, momentum: BETA1 })
    const of = (output: string, values: Float64Array): Expected[] =>
      at.map((index, i) => ({ output, index, value: values[i], bound: 1e-6 + 1e-5 * Math.abs(values[i]) }))
    const idle = idleMoments(constants)
    const moments = [...of('m', state.m), ...of('v', state.v)].filter(({ output }) => !idle.includes(output))
    return [...of('parameters', state.p), ...moments]
  },
}

/** sum = gradients for the batch's first slice, which the benchmark's only one is */
const gradientAccumulateReference: Reference = {
  inputs: (_, seed, { gradients, sum }) => ({
    gradients: whole('gradients', seed, gradients),
    sum: whole('sum', seed, sum),
  }),
  expected: ({ before: { gradients }, places }) =>
    places('sum').map((index) => ({ output: 'sum', index, value: gradients[index], bound: 0 })),
}

/** partials[k] = Σ g² over a contiguous share of the arena, one of as many as there are partials */
const gradientNormReference: Reference = {
  inputs: (_, seed, { gradients }) => ({ gradients: whole('gradients', seed, gradients, 0.01) }),
  expected: ({ constants: { N4 }, before: { gradients }, places }) => {
    const share = 4 * Math.ceil(N4 / NORM_PARTIALS)
    return places('partials').map((index) => {
      const squares = gradients.subarray(index * share, (index + 1) * share).map((value) => value * value)
      return { output: 'partials', index, ...summed(total, squares) }
    })
  },
}

/** Values between layers, at the size of an image of 14 × 14 and 64 channels. */
function betweenLayers({ B, of }: Size) {
  const all = B * of(36, 14 * 14 * 64)
  return tensors({ x: all, y: all, a: all, b: all, dx: all, dy: all })
}

/** Flat arenas, as large as those of `mlp` */
function arenas({ of }: Size) {
  const all = of(64 * 11, 404_288)
  const vectors = { gradients: all, parameters: all, m: all, v: all, sum: all }
  return tensors({ ...vectors, partials: NORM_PARTIALS, status: 1 })
}

const OPTIMIZERS = [adam(), rmsprop(), rmsprop({ momentum: 0.9 }), sgd(), sgd({ momentum: 0.9 })]

export const elementwiseCases: KernelCase[] = [
  {
    kernel: 'activation_forward',
    ...activationForwardReference,
    dispatches({ B, of }) {
      const N = of(35, 784)
      const t = tensors({ x: B * padTo4(N), y: B * padTo4(N) })
      return of(ACTIVATIONS, ['sigmoid'] as const).map((activation) => activationForward(t, { B, N }, activation))
    },
  },
  {
    kernel: 'activation_backward',
    ...activationBackwardReference,
    dispatches: (size) => [activationBackward(betweenLayers(size), 'relu')],
  },
  {
    kernel: 'residual_add',
    ...residualAddReference,
    dispatches: (size) => [residualAdd(betweenLayers(size), 'relu'), gradientAdd(betweenLayers(size), 'relu')],
  },
  {
    kernel: 'permute_forward',
    ...permuteForwardReference,
    dispatches({ B, of }) {
      const { N, from, to } = of({ N: 30, from: 3, to: 5 }, { N: 14 * 14 * 64, from: 1, to: 64 })
      return [permuteForward(tensors({ x: B * padTo4(N), y: B * padTo4(N) }), { B, N, from, to })]
    },
  },
  {
    kernel: 'optimizer_update',
    inPlace: ['parameters', 'm', 'v'],
    idle: idleMoments,
    ...optimizerUpdateReference,
    dispatches: (size) => OPTIMIZERS.map((optimizer) => optimizerUpdate(arenas(size), optimizer)),
  },
  {
    kernel: 'gradient_accumulate',
    inPlace: ['sum'],
    ...gradientAccumulateReference,
    dispatches: (size) => [gradientAccumulate(arenas(size))],
  },
  { kernel: 'gradient_norm', ...gradientNormReference, dispatches: (size) => [gradientNorm(arenas(size))] },
]
