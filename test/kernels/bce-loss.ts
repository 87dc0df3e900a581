import * as assert from 'uvu/assert'
import { FUSED_ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { padRows } from '../../src/ops/dispatch.js'
import { bceLoss } from '../../src/ops/likelihood.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import { bernoulliBackward, bernoulliForward } from '../reference/bernoulli.js'
import { uniformArray } from '../reference/formula.js'
import { expectSameBits, expectWithin, sumBounds, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const bce = suite('bce_loss')

interface Case {
  B: number
  N: number
  /** Pre-activations are uniform in ± this. */
  limit: number
  activation: Activation
}

const cases: Case[] = [
  { B: 1, N: 1, limit: 3, activation: 'linear' },
  { B: 3, N: 2, limit: 3, activation: 'relu' },
  { B: 8, N: 3, limit: 10, activation: 'leaky-relu' },
  { B: 13, N: 5, limit: 3, activation: 'tanh' },
  { B: 3, N: 35, limit: 3, activation: 'sigmoid' },
  { B: 3, N: 6, limit: 4, activation: 'softplus' },
  { B: 1, N: 9, limit: 3, activation: 'elu' },
  { B: 13, N: 784, limit: 8, activation: 'linear' },
  { B: 1, N: 257, limit: 100, activation: 'linear' },
  { B: 8, N: 1023, limit: 100, activation: 'linear' },
]

const SLOTS = 3
const SLOT = 2

/** Logits and targets `[padRows(B), N]`; the targets reach both ends, the logits ± `limit`. */
function inputs({ B, N, limit, activation }: Case) {
  const R = padRows(B)
  const logits = Float32Array.from(activationForward(uniformArray(R * N, 1, limit), activation))
  const x = uniformArray(R * N, 2).map((value) => Math.min(Math.max(0.6 * value + 0.5, 0), 1))
  if (activation === 'linear') logits.set([limit, -limit].slice(0, N))
  return { R, logits, x }
}

for (const shape of cases) {
  const { B, N, limit, activation } = shape
  for (const gradient of [true, false]) {
    const what = gradient ? 'loss and gradient match the reference' : 'loss alone matches, the logits stay'
    gpuTest(bce, `${what} at B=${B} N=${N} ${activation} within ±${limit}`, async ({ device }) => {
      const { R, logits, x } = inputs(shape)
      const padded = padMatrix(logits, R, N)
      const contents = { logits: padded, x: padMatrix(x, R, N), losses: SLOTS * 2 * R, status: new Uint32Array(1) }
      const step = { batch: B, slot: SLOT, scale: 1 / B }
      const loss = (t: Parameters<typeof bceLoss>[0]) => bceLoss(t, { B: R, N }, activation, gradient)
      for (const result of await runTilings(device, contents, loss, step)) {
        const at = 2 * SLOT * R
        const { expected, bounds } = losses(logits, x, R, N)
        expectWithin(result.losses.subarray(at, at + R), expected, bounds, 'losses')
        const written = result.losses.findIndex((value, i) => !Number.isNaN(value) && (i < at || i >= at + R))
        assert.is(written, -1, `losses[${written}] was written, outside of slot ${SLOT}`)
        assert.is(bitsOf(result.status)[0], 0)

        if (!gradient) {
          expectSameBits(result.logits, padded, 'logits')
          continue
        }
        const before = activationBackward(logits, bernoulliBackward(logits, x), activation)
        const dlogits = before.map((value, i) => (i < B * N ? value / B : 0))
        // exp is 3 + 2|l| ULP off, and |l|·exp(−|l|) below 0.37; then a quotient, a difference and two products.
        const absolute = new Float64Array(R * N).fill((8 * ULP) / B)
        expectWithin(result.logits, padExpected(dlogits, R, N), padExpected(absolute, R, N), 'dlogits')
      }
    })
  }
}

/** Every row's loss. Its logarithms, of values in [1, 2], may be 2⁻²¹ off each; the rest is the sum's rounding. */
function losses(logits: Float32Array, x: Float32Array, R: number, N: number) {
  const expected = new Float64Array(R)
  const sizes = new Float64Array(R)
  for (let n = 0; n < R; n++) {
    const [l, target] = [logits, x].map((values) => values.subarray(n * N, (n + 1) * N))
    expected[n] = bernoulliForward(l, target)
    sizes[n] = l.reduce((sum, value, i) => sum + Math.max(value, 0) + Math.abs(value) * target[i] + Math.LN2, 0)
  }
  return { expected, bounds: sumBounds(3 * N, sizes).map((bound) => bound + N * 2 ** -21) }
}

for (const poison of [NaN, Infinity, -Infinity]) {
  gpuTest(bce, `reports a loss from a logit of ${poison}, but not in the rows behind the batch`, async ({ device }) => {
    const run = async (row: number) => {
      const { R, logits, x } = inputs({ B: 13, N: 5, limit: 3, activation: 'linear' })
      logits[row * 5 + 3] = poison
      const [l, target] = [logits, x].map((values) => padMatrix(values, R, 5))
      const tensors = { logits: l, x: target, losses: 2 * R, status: new Uint32Array(1) }
      const loss = (t: Parameters<typeof bceLoss>[0]) => bceLoss(t, { B: R, N: 5 }, 'linear', true)
      const result = await runKernels(device, tensors, loss, { batch: 13 })
      return bitsOf(result.status)[0]
    }
    assert.is(await run(12), 256) // the failure of slot 0
    assert.is(await run(13), 0)
  })
}

gpuTest(bce, 'every activation has been through here', () => {
  assert.equal(new Set(cases.map(({ activation }) => activation)), new Set(FUSED_ACTIVATIONS))
})

bce.run()
