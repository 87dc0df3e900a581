import * as assert from 'uvu/assert'
import type { Activation } from '../../src/ops/activation.js'
import { padRows, padTo4, type PlanTensor } from '../../src/ops/dispatch.js'
import {
  continuousBernoulliLoss, continuousBernoulliMean, gaussianLoss, rowReduce,
} from '../../src/ops/likelihood.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import { continuousBernoulliMean as meanOf, logNormalizer } from '../reference/continuous-bernoulli.js'
import { uniformArray } from '../reference/formula.js'
import { expectSameBits, expectWithin, sumBounds, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const gaussian = suite('gaussian_loss')
const continuous = suite('bce_loss, continuous')
const means = suite('continuous_bernoulli_mean')
const reduce = suite('row_reduce')

interface Case {
  B: number
  N: number
  /** Pre-activations are uniform in ± this. */
  limit: number
  activation: Activation
}

const cases: Case[] = [
  { B: 1, N: 1, limit: 1, activation: 'linear' },
  { B: 3, N: 2, limit: 2, activation: 'relu' },
  { B: 13, N: 5, limit: 2, activation: 'tanh' },
  { B: 8, N: 35, limit: 2, activation: 'sigmoid' },
  { B: 13, N: 784, limit: 3, activation: 'leaky-relu' },
  { B: 1, N: 257, limit: 60, activation: 'linear' },
]

const SLOT = 1

/** Outputs of the decoder and targets, `[padRows(B), N]`. */
function inputs({ B, N, limit, activation }: Case) {
  const R = padRows(B)
  const output = Float32Array.from(activationForward(uniformArray(R * N, 1, limit), activation))
  const x = uniformArray(R * N, 2).map((value) => Math.min(Math.max(0.6 * value + 0.5, 0), 1))
  return { R, output, x }
}

/** Sums over the values of each row. */
function rowSums(R: number, N: number, term: (i: number) => number): Float64Array {
  return Float64Array.from({ length: R }, (_, n) => {
    let sum = 0
    for (let i = n * N; i < (n + 1) * N; i++) sum += term(i)
    return sum
  })
}

const shapeOf = ({ B, N, activation, limit }: Case) => `B=${B} N=${N} ${activation} within ±${limit}`

for (const shape of cases) {
  const { B, N, activation } = shape
  for (const [kind, logVariance] of [['fixed', -1.3], ['learned', 0.7]] as const) {
    gpuTest(gaussian, `matches the reference with a ${kind} variance at ${shapeOf(shape)}`, async ({ device }) => {
      const { R, output, x } = inputs(shape)
      const contents = {
        means: padMatrix(output, R, N),
        x: padMatrix(x, R, N),
        logv: Float32Array.of(logVariance, 9, 9, 9),
        dlogvRows: R,
        losses: 4 * R,
        status: new Uint32Array(1),
      }
      const v = Math.exp(Math.fround(logVariance))
      const step = { batch: B, slot: SLOT, scale: 1 / B }
      const results = await runTilings(
        device,
        contents,
        (t) => gaussianLoss(t, { B: R, N }, kind === 'learned' ? t.logv : logVariance, activation, true),
        step,
      )
      for (const result of results) {
        const error = Float64Array.from(output, (mean, i) => mean - x[i])
        const losses = rowSums(R, N, (i) => 0.5 * (error[i] ** 2 / v + Math.log(2 * Math.PI * v)))
        const sizes = rowSums(R, N, (i) => 0.5 * (error[i] ** 2 / v + Math.abs(Math.log(2 * Math.PI * v))))
        // exp is 3 + 2|logv| ULP off, on top of the sum's rounding.
        const bounds = sumBounds(N, sizes).map((bound, n) => bound + (5 + 2 * Math.abs(logVariance)) * ULP * sizes[n])
        expectWithin(result.losses.subarray(2 * SLOT * R, (2 * SLOT + 1) * R), losses, bounds, 'losses')
        assert.is(bitsOf(result.status)[0], 0)

        const before = activationBackward(output, error.map((value) => value / v), activation)
        const dmeans = before.map((value, i) => (i < B * N ? value / B : 0))
        const relative = (12 + 2 * Math.abs(logVariance)) * ULP
        const rounded = Float64Array.from(output, (mean) => (2 * U * (1 + Math.abs(mean))) / v / B)
        const dmeanBounds = dmeans.map((value, i) => relative * Math.abs(value) + rounded[i])
        expectWithin(result.means, padExpected(dmeans, R, N), padExpected(dmeanBounds, R, N), 'dmeans')
        const dlogv = rowSums(R, N, (i) => 0.5 * (1 - error[i] ** 2 / v)).map((sum, n) => (n < B ? sum / B : 0))
        const dlogvSizes = rowSums(R, N, (i) => 0.5 * (1 + error[i] ** 2 / v))
        const dlogvBounds = dlogv.map((_, n) => (sumBounds(N, dlogvSizes)[n] + relative * dlogvSizes[n]) / B)
        expectWithin(result.dlogvRows, dlogv, dlogvBounds, 'dlogv_rows')
      }
    })
  }

  gpuTest(continuous, `matches the reference at ${shapeOf(shape)}`, async ({ device }) => {
    const { R, output, x } = inputs(shape)
    const logits = padMatrix(output, R, N)
    const contents = { logits, x: padMatrix(x, R, N), losses: 4 * R, status: new Uint32Array(1) }
    const step = { batch: B, slot: SLOT, scale: 1 / B }
    const run = (gradient: boolean) =>
      runTilings(device, contents, (t) => continuousBernoulliLoss(t, { B: R, N }, activation, gradient), step)
    const [results, alone] = [await run(true), await run(false)]
    const losses = rowSums(R, N, (i) => logNormalizer(output[i]) - output[i] * x[i])
    const sizes = rowSums(R, N, (i) => 1 + 2 * Math.abs(output[i]))
    // The logarithm may be 2⁻²¹ off, exp and the quotient inside it 8 ULP, and the series 1e-8.
    const bounds = sumBounds(3 * N, sizes).map((bound) => bound + N * (2 ** -21 + 8 * ULP + 1e-8))
    const derivative = Float64Array.from(output, (l, i) => meanOf(l) - x[i])
    const dlogits = activationBackward(output, derivative, activation).map((value, i) => (i < B * N ? value / B : 0))
    const absolute = new Float64Array(R * N).fill(MEAN_ERROR / B)
    results.forEach((result, tiling) => {
      expectWithin(result.losses.subarray(2 * SLOT * R, (2 * SLOT + 1) * R), losses, bounds, 'losses')
      expectWithin(result.logits, padExpected(dlogits, R, N), padExpected(absolute, R, N), 'dlogits')
      expectSameBits(alone[tiling].logits, logits, 'logits of the loss alone')
      expectSameBits(alone[tiling].losses, result.losses, 'losses of the loss alone')
    })
  })
}

/** 1 / (1 − exp(−|l|)) − 1 / |l| from |l| = ½ on: terms up to 2.6, exp, difference and quotient a few ULP off each. */
const MEAN_ERROR = 2.6 * 12 * ULP

gpuTest(continuous, 'passes smoothly through 0', async ({ device }) => {
  const logits = Float32Array.from({ length: 64 }, (_, i) => (i - 32) / 40)
  const contents = { x: logits, y: 64 }
  const { y } = await runKernels(device, contents, (t) => continuousBernoulliMean(t, { B: 1, N: 64 }))
  expectWithin(y, Float64Array.from(logits, meanOf), new Float64Array(64).fill(MEAN_ERROR), 'y')
})

for (const { B, N, limit } of cases) {
  gpuTest(means, `are the images of what the decoder yields at B=${B} N=${N} within ±${limit}`, async ({ device }) => {
    const R = padRows(B)
    const x = uniformArray(R * N, 1, limit)
    const contents = { x: padMatrix(x, R, N), y: R * padTo4(N) }
    const { y } = await runKernels(device, contents, (t) => continuousBernoulliMean(t, { B: R, N }))
    const expected = Float64Array.from(x, meanOf)
    const bounds = new Float64Array(R * N).fill(MEAN_ERROR)
    expectWithin(y, padExpected(expected, R, N), padExpected(bounds, R, N), 'continuous Bernoulli y')
  })
}

for (const B of [8, 64, 104, 1000]) {
  gpuTest(reduce, `sums ${B} rows into one value`, async ({ device }) => {
    const x = uniformArray(B, 1)
    const { y } = await runKernels(device, { x, y: 4 }, (t) => rowReduce(t, { B }))
    const sum = x.reduce((total, value) => total + value, 0)
    const size = x.reduce((total, value) => total + Math.abs(value), 0)
    expectWithin(y, [sum, 0, 0, 0], [sumBounds(B, [size])[0], 0, 0, 0], 'y')
  })
}

for (const [test, loss] of [[gaussian, 'gaussian'], [continuous, 'continuous']] as const) {
  gpuTest(test, 'tells the slot of a loss that is not finite, but not of the rows behind the batch', async ({ device }) => {
    const run = async (row: number) => {
      const { R, output, x } = inputs({ B: 13, N: 5, limit: 1, activation: 'linear' })
      output[row * 5 + 3] = NaN
      const values = padMatrix(output, R, 5)
      const contents = { values, x: padMatrix(x, R, 5), dlogvRows: R, losses: 4 * R, status: new Uint32Array(1) }
      const dispatch = (t: Record<keyof typeof contents, PlanTensor>) =>
        loss === 'gaussian'
          ? gaussianLoss({ ...t, means: t.values }, { B: R, N: 5 }, 0, 'linear', true)
          : continuousBernoulliLoss({ ...t, logits: t.values }, { B: R, N: 5 }, 'linear', true)
      return bitsOf((await runKernels(device, contents, dispatch, { batch: 13, slot: SLOT })).status)[0]
    }
    assert.is(await run(12), 256 - SLOT)
    assert.is(await run(13), 0)
  })
}

gaussian.run()
continuous.run()
means.run()
reduce.run()
