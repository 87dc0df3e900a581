import { padTo4 } from '../../../src/ops/dispatch.js'
import { activationBackward } from '../../../test/reference/activation.js'
import { continuousBernoulliMean, logNormalizer } from '../../../test/reference/continuous-bernoulli.js'
import { uniform } from '../../../test/reference/formula.js'
import { FUNCTION_BOUND, rowsOf, Sum, SUM_BOUND, whole, type Expected, type Reference } from './reference.js'
import { activationOf } from '../values.js'

/** Grey values in [0, 1). */
function greyRows(seed: number, B: number, N: number): Float32Array {
  return rowsOf('x', seed, B, N).map((value, i) => (value === 0 ? 0 : uniform(i, seed)))
}

/** losses[n] = Σ A(l) − l·x and, with GRADIENT, dlogits = (A'(l) − x) · act'(l) / batch over the logits */
const continuousBernoulliLoss: Reference = {
  inputs: ({ B, N }, seed) => ({ logits: rowsOf('logits', seed, B, N, 4), x: greyRows(seed, B, N) }),
  expected: ({ constants, step, before: { logits, x }, places }) => {
    const { N, GRADIENT } = constants
    const stride = padTo4(N)
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const sum = new Sum()
      for (let i = n * stride; i < n * stride + N; i++) sum.add(logNormalizer(logits[i]) - logits[i] * x[i])
      return { output: 'losses', index: n, value: sum.value, bound: sum.bound + N * 2e-6 }
    })
    if (!GRADIENT) return losses
    const gradients = places('logits').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (n >= step.batch || i >= N) return { output: 'logits', index, value: 0, bound: 0 }
      const before = continuousBernoulliMean(logits[index]) - x[index]
      const [value] = activationBackward([logits[index]], [before], activationOf(constants, '_X'))
      return { output: 'logits', index, value: value * step.scale, bound: FUNCTION_BOUND * step.scale }
    })
    return [...losses, ...gradients]
  },
}

/** losses[n], with GRADIENT dmean = (μ − x) / v · act'(μ) / batch over the means, and dlogv_rows[n] */
const gaussianLoss: Reference = {
  inputs: ({ B, N, LEARNED }, seed, { log_variance }) => ({
    means: rowsOf('means', seed, B, N),
    x: greyRows(seed, B, N),
    ...(LEARNED && { log_variance: whole('log_variance', seed, log_variance) }),
  }),
  expected: ({ constants, step, before: { means, x, log_variance }, places }) => {
    const { N, GRADIENT, LOG_VARIANCE, LEARNED } = constants
    const stride = padTo4(N)
    const logVariance = LEARNED ? log_variance[0] : LOG_VARIANCE
    const variance = Math.exp(logVariance)
    const scale = (n: number) => (n < step.batch ? step.scale : 0)
    const rows = places('dlogv_rows').flatMap((n): Expected[] => {
      let squares = 0
      for (let i = n * stride; i < n * stride + N; i++) squares += (means[i] - x[i]) ** 2 / variance
      const loss = 0.5 * (squares + N * (logVariance + Math.log(2 * Math.PI)))
      const magnitude = 0.5 * (squares + N * (Math.abs(logVariance) + 2))
      const bound = 4 * SUM_BOUND * magnitude
      const gradient = { output: 'dlogv_rows', index: n, value: 0.5 * (N - squares) * scale(n), bound: bound * scale(n) }
      return n < step.batch ? [gradient, { output: 'losses', index: n, value: loss, bound }] : [gradient]
    })
    if (!GRADIENT) return rows
    const gradients = places('means').map((index): Expected => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      if (n >= step.batch || i >= N) return { output: 'means', index, value: 0, bound: 0 }
      const before = (means[index] - x[index]) / variance
      const [value] = activationBackward([means[index]], [before], activationOf(constants, '_X'))
      return { output: 'means', index, value: value * step.scale, bound: (FUNCTION_BOUND / variance) * step.scale }
    })
    return [...rows, ...gradients]
  },
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
const rowReduce: Reference = {
  inputs: ({ B }, seed) => ({ x: rowsOf('x', seed, 1, B) }),
  expected: ({ before: { x } }) => {
    const sum = new Sum()
    for (const value of x) sum.add(value)
    return [0, 1, 2, 3].map((index) =>
      index === 0
        ? { output: 'y', index, value: sum.value, bound: sum.bound }
        : { output: 'y', index, value: 0, bound: 0 },
    )
  },
}

export const likelihoodReferences: Record<string, Reference> = {
  continuous_bernoulli_loss: continuousBernoulliLoss,
  continuous_bernoulli_mean: elementwise(continuousBernoulliMean),
  gaussian_loss: gaussianLoss,
  row_reduce: rowReduce,
}
