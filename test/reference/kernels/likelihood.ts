import { padTo4 } from '../../../src/ops/dispatch.js'
import {
  bceLoss, bcePixels, continuousBernoulliLoss, continuousBernoulliMean, gaussianLoss, gaussianPixels, rowReduce,
} from '../../../src/ops/likelihood.js'
import { activationBackward } from '../activation.js'
import { bernoulliBackward, bernoulliForward } from '../bernoulli.js'
import * as reference from '../continuous-bernoulli.js'
import { uniform } from '../formula.js'
import { gaussianBackward, gaussianForward } from '../gaussian.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, summed, SUM_BOUND, tensors, total, whole,
  type Expected, type KernelCase, type Reference, type Size,
} from './case.js'
import { activationOf } from './values.js'

/** Grey values in [0, 1). */
function greyRows(seed: number, B: number, N: number): Float32Array {
  return rowsOf('x', seed, B, N).map((value, i) => (value === 0 ? 0 : uniform(i, seed)))
}

/** losses[n] = Σ A(l) − l·x and, with GRADIENT, dlogits = (A'(l) − x) · act'(l) / batch over the logits */
const bceLossReference: Reference = {
  inputs: ({ B, N }, seed) => ({ logits: rowsOf('logits', seed, B, N, 4), x: greyRows(seed, B, N) }),
  expected: ({ constants, step, before: { logits, x }, places }) => {
    const { N, GRADIENT, CONTINUOUS } = constants
    const stride = padTo4(N)
    const row = (values: Float32Array, n: number) => values.subarray(n * stride, n * stride + N)
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const value = (CONTINUOUS ? reference.continuousBernoulliForward : bernoulliForward)(row(logits, n), row(x, n))
      return { output: 'losses', index: n, value, bound: SUM_BOUND * value + N * (CONTINUOUS ? 1e-5 : 1e-6) }
    })
    if (!GRADIENT) return losses
    const gradients = places('logits').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (n >= step.batch || i >= N) return { output: 'logits', index, value: 0, bound: 0 }
      const [l, target] = [[logits[index]], [x[index]]]
      const before = CONTINUOUS ? [reference.continuousBernoulliMean(l[0]) - target[0]] : bernoulliBackward(l, target)
      const [value] = activationBackward(l, before, activationOf(constants, '_X'))
      return { output: 'logits', index, value: value * step.scale, bound: FUNCTION_BOUND * step.scale }
    })
    return [...losses, ...gradients]
  },
}

/** losses[n], with GRADIENT dmean = (μ − x) / v · act'(μ) / batch over the means, and dlogv_rows[n] */
const gaussianLossReference: Reference = {
  inputs: ({ B, N, LEARNED }, seed, { log_variance }) => ({
    means: rowsOf('means', seed, B, N),
    x: greyRows(seed, B, N),
    ...(LEARNED && { log_variance: whole('log_variance', seed, log_variance) }),
  }),
  expected: ({ constants, step, before: { means, x, log_variance }, places }) => {
    const { N, GRADIENT, LOG_VARIANCE, LEARNED } = constants
    const stride = padTo4(N)
    const logVariance = LEARNED ? log_variance[0] : LOG_VARIANCE
    const scale = (n: number) => (n < step.batch ? step.scale : 0)
    const rows = places('dlogv_rows').flatMap((n): Expected[] => {
      const row = (values: Float32Array) => values.subarray(n * stride, n * stride + N)
      const loss = gaussianForward(row(means), row(x), logVariance)
      const { dLogVariance } = gaussianBackward(row(means), row(x), logVariance)
      const bound = 4 * SUM_BOUND * (Math.abs(dLogVariance) + N * (Math.abs(logVariance) + 2))
      const gradient = { output: 'dlogv_rows', index: n, value: dLogVariance * scale(n), bound: bound * scale(n) }
      return n < step.batch ? [gradient, { output: 'losses', index: n, value: loss, bound }] : [gradient]
    })
    if (!GRADIENT) return rows
    const gradients = places('means').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (n >= step.batch || i >= N) return { output: 'means', index, value: 0, bound: 0 }
      const { dMeans } = gaussianBackward([means[index]], [x[index]], logVariance)
      const [value] = activationBackward([means[index]], dMeans, activationOf(constants, '_X'))
      const bound = FUNCTION_BOUND * Math.exp(-logVariance) * step.scale
      return { output: 'means', index, value: value * step.scale, bound }
    })
    return [...rows, ...gradients]
  },
}

/** pixels = −log p(x|z) of every pixel, 0 in the padding */
function pixelLosses(output: 'logits' | 'means', of: Reference): Reference {
  return {
    inputs: of.inputs,
    expected: ({ constants: { N, CONTINUOUS, LOG_VARIANCE }, before, places }) =>
      places('pixels').map((index) => {
        const [a, b] = [[before[output][index]], [before.x[index]]]
        const bernoulli = CONTINUOUS ? reference.continuousBernoulliForward : bernoulliForward
        const loss = output === 'logits' ? bernoulli(a, b) : gaussianForward(a, b, LOG_VARIANCE)
        const isPadding = index % padTo4(N) >= N
        return { output: 'pixels', index, value: isPadding ? 0 : loss, bound: isPadding ? 0 : 1e-5 * (1 + Math.abs(loss)) }
      }),
  }
}

/** y = f(x), 0 in the padding */
function elementwise(f: (x: number) => number): Reference {
  return {
    inputs: ({ B, N }, seed) => ({ x: rowsOf('x', seed, B, N, 4) }),
    expected: ({ constants: { N }, before: { x }, places }) =>
      places('y').map((index) => {
        const isPadding = index % padTo4(N) >= N
        return { output: 'y', index, value: isPadding ? 0 : f(x[index]), bound: isPadding ? 0 : FUNCTION_BOUND }
      }),
  }
}

/** y = (Σ_n x[n], 0, 0, 0) */
const rowReduceReference: Reference = {
  inputs: ({ B }, seed) => ({ x: rowsOf('x', seed, 1, B) }),
  expected: ({ before: { x } }) => [
    { output: 'y', index: 0, ...summed(total, x) },
    ...[1, 2, 3].map((index) => ({ output: 'y', index, value: 0, bound: 0 })),
  ],
}

function sizesOf({ B, of }: Size) {
  const N = of(35, 784)
  const rows = B * padTo4(N)
  const images = { logits: rows, means: rows, x: rows, y: rows, pixels: rows }
  const t = tensors({ ...images, dlogvRows: B, logVariance: 4, losses: ringOf(B), status: 1 })
  return { t, shape: { B, N } }
}

export const likelihoodCases: KernelCase[] = [
  {
    kernel: 'bce_loss',
    inPlace: ['logits'],
    ...bceLossReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [bceLoss(t, shape, 'linear', true), continuousBernoulliLoss(t, shape, 'linear', true)]
    },
  },
  {
    kernel: 'bce_pixels',
    ...pixelLosses('logits', bceLossReference),
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [false, true].map((isContinuous) => bcePixels(t, { ...shape, samples: 1 }, { isContinuous }))
    },
  },
  {
    kernel: 'continuous_bernoulli_mean',
    ...elementwise(reference.continuousBernoulliMean),
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [continuousBernoulliMean(t, shape)]
    },
  },
  {
    kernel: 'gaussian_loss',
    inPlace: ['means'],
    ...gaussianLossReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      const variances = [t.logVariance, ...size.of([-1.3], [])]
      return variances.map((variance) => gaussianLoss(t, shape, variance, 'linear', true))
    },
  },
  {
    kernel: 'gaussian_pixels',
    ...pixelLosses('means', gaussianLossReference),
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [gaussianPixels(t, { ...shape, samples: 1 }, -1.4)]
    },
  },
  {
    kernel: 'row_reduce',
    ...rowReduceReference,
    dispatches: ({ B }) => [rowReduce(tensors({ x: B, y: 4 }), { B })],
  },
]
