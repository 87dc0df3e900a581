import * as assert from 'uvu/assert'
import { FUSED_ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import {
  adversarialBackward, adversarialBalance, adversarialLoss, HELD_DISCRIMINATOR, HELD_WORDS, imageStack, priorForward,
} from '../../src/ops/adversarial.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { normalPair, STREAMS, streamKey, threefry2x32 } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward, sigmoid } from '../reference/activation.js'
import * as reference from '../reference/adversarial.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import { expectSame, expectSameBits, expectWithin, sumBounds, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const prior = suite('prior_forward')
const stack = suite('image_stack')
const loss = suite('adversarial_loss')
const backward = suite('adversarial_backward')
const balance = suite('adversarial_balance')

const MEANS = ['output', 'sigmoid', 'continuous-bernoulli'] as const

for (const { B, Z } of [{ B: 1, Z: 1 }, { B: 3, Z: 7 }, { B: 13, Z: 128 }, { B: 8, Z: 301 }]) {
  const R = padRows(B)
  const stride = padTo4(Z)
  const z = padMatrix(normalArray(R * Z, 1), R, Z)

  gpuTest(prior, `puts the given draws behind z at B=${B} Z=${Z}, on a sphere too`, async ({ device }) => {
    const given = padMatrix(normalArray(R * Z, 2), R, Z)
    const contents = { z, prior: given, y: 2 * R * stride }
    for (const sphere of [false, true]) {
      const run = runKernels(device, contents, (t) => priorForward(t, { B: R, Z, sphere }))
      expectSameBits((await run).y, Float32Array.of(...z, ...given), 'y')
    }
  })

  gpuTest(prior, `draws what TypeScript draws at B=${B} Z=${Z}, from a row and a step on`, async ({ device }) => {
    const [row, counter] = [16, 5]
    const key = streamKey(7, STREAMS.PRIOR)
    const step = { batch: B, seed: streamKey(7, STREAMS.NOISE), counter, row }
    const drawn = Float64Array.from({ length: R * stride }, (_, i) => {
      const pair = threefry2x32(...key, (row * stride + i) >> 1, counter)
      return i % stride < Z ? normalPair(...pair)[i & 1] : 0
    })
    const contents = { z, y: 2 * R * stride }
    for (const { y } of await runTilings(device, contents, (t) => priorForward(t, { B: R, Z }), step)) {
      expectSameBits(y.subarray(0, R * stride), z, 'z')
      expectWithin(y.subarray(R * stride), drawn, drawn.map(() => 1e-3), 'the prior') // log and cos of 23 bits
    }
    for (const { y } of await runTilings(device, contents, (t) => priorForward(t, { B: R, Z, sphere: true }), step)) {
      expectSameBits(y.subarray(0, R * stride), z, 'z')
      const onSphere = drawn.map((value, i) => {
        const at = Math.floor(i / stride) * stride
        return value / Math.hypot(...drawn.subarray(at, at + stride))
      })
      // A draw of a single value may be as near 0 as its own error.
      const bounds = onSphere.map((_, i) => 3e-3 / Math.max(1e-2, Math.hypot(...rowOf(drawn, i, stride))))
      expectWithin(y.subarray(R * stride), onSphere, bounds, 'the prior on a sphere')
    }
  })
}

function rowOf(values: Float64Array, i: number, stride: number): Float64Array {
  const at = Math.floor(i / stride) * stride
  return values.subarray(at, at + stride)
}

const images = [{ B: 1, N: 1 }, { B: 3, N: 35 }, { B: 13, N: 108 }]

/** Outputs that include what is near 0 and far from it. */
function outputsOf(count: number): Float32Array {
  return uniformArray(count, 1, 3).map((value, i) => (i % 5 === 0 ? value / 100 : i % 7 === 0 ? 10 * value : value))
}

for (const { B, N } of images) {
  const R = padRows(B)

  for (const mean of MEANS) {
    gpuTest(stack, `puts the data behind what outputs stand for at B=${B} N=${N} (${mean})`, async ({ device }) => {
      const [y, x] = [outputsOf(2 * R * N), uniformArray(R * N, 2)]
      const contents = { y: padMatrix(y, 2 * R, N), x: padMatrix(x, R, N), s: 3 * R * padTo4(N) }
      const { s } = await runKernels(device, contents, (t) => imageStack(t, { B: R, N }, mean))
      const expected = Float64Array.from(y, reference.PIXEL_MEANS[mean])
      const bounds = expected.map((_, i) => (mean === 'output' ? 0 : (8 + 2 * Math.abs(y[i])) * ULP))
      const decoded = 2 * R * padTo4(N)
      expectWithin(s.subarray(0, decoded), padExpected(expected, 2 * R, N), padExpected(bounds, 2 * R, N), 's')
      expectSameBits(s.subarray(decoded), contents.x, 'the data')
    })

    gpuTest(backward, `parts the objectives at B=${B} N=${N} (${mean})`, async ({ device }) => {
      await expectParted(device, { B, N }, mean, 'linear')
    })
  }
}

for (const activation of FUSED_ACTIVATIONS) {
  gpuTest(backward, `takes the derivative of ${activation} along`, ({ device }) => {
    return expectParted(device, { B: 3, N: 35 }, 'output', activation)
  })
}

const WEIGHT = 0.3

async function expectParted(
  device: GPUDevice,
  { B, N }: { B: number; N: number },
  mean: (typeof MEANS)[number],
  activation: Activation,
): Promise<void> {
  const R = padRows(B)
  const y = Float32Array.from(activationForward(outputsOf(2 * R * N), activation))
  const [similarity, adversarial] = [uniformArray(R * N, 3), uniformArray(3 * R * N, 4)]
  const contents = {
    y: padMatrix(y, 2 * R, N),
    dsSimilarity: padMatrix(similarity, R, N),
    dsAdversarial: padMatrix(adversarial, 3 * R, N),
    ddecoder: 2 * R * padTo4(N),
    dencoder: R * padTo4(N),
  }
  const of = { mean, weight: WEIGHT, activation }
  const result = await runKernels(device, contents, (t) => adversarialBackward(t, { B: R, N }, of))
  const factored = (values: Float64Array) => {
    const byMean = values.map((value, i) => value * reference.PIXEL_MEAN_DERIVATIVES[mean](y[i]))
    return activationBackward(y.subarray(0, values.length), byMean, activation)
  }
  const decoder = factored(Float64Array.from(y, (_, i) => {
    return (i < R * N ? Math.fround(WEIGHT) * similarity[i] : 0) - adversarial[i]
  }))
  const encoder = factored(Float64Array.from(similarity))
  // |gradient| ≤ 1.3, factors ≤ 1 but for ELU's; of the derivatives 1 / l² − … loses most, to about 2⁻²⁰
  const bounds = (values: Float64Array) => values.map((value) => 4e-6 + 16 * ULP * Math.abs(value))
  expectWithin(result.ddecoder, padExpected(decoder, 2 * R, N), padExpected(bounds(decoder), 2 * R, N), 'ddecoder')
  expectWithin(result.dencoder, padExpected(encoder, R, N), padExpected(bounds(encoder), R, N), 'dencoder')
}

const SLOT = 2

interface LossCase {
  B: number
  batch: number
  F: number
  limit: number
  activation: Activation
}

const losses: LossCase[] = [
  { B: 1, batch: 1, F: 1, limit: 1, activation: 'linear' },
  { B: 3, batch: 3, F: 7, limit: 2, activation: 'relu' },
  { B: 13, batch: 13, F: 100, limit: 30, activation: 'leaky-relu' },
  { B: 8, batch: 5, F: 2048, limit: 200, activation: 'tanh' }, // a short batch, logits that saturate
]

for (const { B, batch, F, limit, activation } of losses) {
  for (const gradient of [true, false]) {
    const pass = gradient ? 'losses and gradients' : 'losses alone'
    gpuTest(loss, `${pass} at B=${B} batch=${batch} F=${F}, logits within ±${limit} (${activation})`, async ({ device }) => {
      const R = padRows(B)
      const features = Float32Array.from(activationForward(normalArray(3 * R * F, 1), activation))
      const logits = uniformArray(3 * R, 2, limit)
      const rowLosses = new Float32Array(2 * (SLOT + 1) * R).fill(NaN)
      const kl = uniformArray(R, 3)
      rowLosses.set(kl, (2 * SLOT + 1) * R)
      const contents = {
        features: padMatrix(features, 3 * R, F),
        logits: padMatrix(logits, 3 * R, 1),
        rowLosses,
        losses: 6 * (SLOT + 2) * R,
        dfeatures: R * padTo4(F),
        dlogits: 3 * R * 4,
        status: new Uint32Array(1),
      }
      const scale = 1 / batch
      const step = { batch, slot: SLOT, scale }
      const push = (t: Parameters<typeof adversarialLoss>[0]) => {
        return adversarialLoss(t, { B: R, F }, activation, gradient)
      }
      for (const result of await runTilings(device, contents, push, step)) {
        const part = (i: number) => result.losses.subarray((6 * SLOT + i) * R, (6 * SLOT + i) * R + R)
        const made = (n: number) => features.subarray(n * F, (n + 1) * F)
        const judged = (n: number) => [logits[2 * R + n], logits[n], logits[R + n]]
        const rows = <T>(of: (n: number) => T) => Array.from({ length: R }, (_, n) => of(n))
        const similarity = rows((n) => reference.similarityForward(made(n), made(2 * R + n)))
        expectWithin(part(0), similarity, sumBounds(2 * F, similarity), 'reconstruction')
        expectSameBits(part(1), kl, 'kl')
        const adversarial = rows((n) => reference.adversarialForward(judged(n)))
        expectWithin(part(2), adversarial, adversarial.map((value) => 24 * ULP + 4 * ULP * value), 'adversarial')
        for (const [i, name] of ['real', 'reconstructed', 'sampled'].entries()) {
          const probabilities = rows((n) => sigmoid(judged(n)[i]))
          const bounds = probabilities.map((_, n) => 6 * ULP + 2 * ULP * Math.min(Math.abs(judged(n)[i]), 88))
          expectWithin(part(3 + i), probabilities, bounds, name)
        }
        const outside = result.losses.findIndex((value, i) => {
          return !Number.isNaN(value) && Math.floor(i / (6 * R)) !== SLOT
        })
        assert.is(outside, -1, `losses[${outside}] was written, outside of slot ${SLOT}`)
        assert.is(bitsOf(result.status)[0], 0)
        if (!gradient) {
          assert.ok([...result.dfeatures, ...result.dlogits].every(Number.isNaN), 'a gradient was written')
          continue
        }
        const live = (n: number) => (n < batch ? scale : 0)
        const dfeatures = rows((n) => {
          const d = reference.similarityBackward(made(n), made(2 * R + n)).map((value) => live(n) * value)
          return [...activationBackward(made(n), d, activation)]
        }).flat()
        const bounds = dfeatures.map((value) => 4 * U * Math.abs(value) + 4 * U)
        expectWithin(result.dfeatures, padExpected(dfeatures, R, F), padExpected(bounds, R, F), 'dfeatures')
        const d = rows((n) => reference.adversarialBackward(judged(n)).map((value) => live(n) * value))
        const dlogits = [...d.map(([, made]) => made), ...d.map(([, , drawn]) => drawn), ...d.map(([real]) => real)]
        const close = dlogits.map(() => 200 * ULP * scale)
        expectWithin(result.dlogits, padExpected(dlogits, 3 * R, 1), padExpected(close, 3 * R, 1), 'dlogits')
      }
    })
  }
}

gpuTest(loss, 'is 0 where the latent leaves no loss', async ({ device }) => {
  const contents = {
    features: normalArray(24 * 4, 1), logits: normalArray(24 * 4, 2), losses: 6 * 8, dfeatures: 8 * 4, dlogits: 24 * 4,
    status: new Uint32Array(1),
  }
  const push = (t: Parameters<typeof adversarialLoss>[0]) => adversarialLoss(t, { B: 8, F: 4 }, 'linear', true)
  const result = await runKernels(device, contents, push, { batch: 8 })
  expectSame(result.losses.subarray(8, 16), new Float32Array(8), 'kl')
})

for (const poison of [NaN, Infinity]) {
  gpuTest(loss, `reports a feature or a logit that is ${poison}, but not behind the batch`, async ({ device }) => {
    const run = async (name: 'features' | 'logits', row: number) => {
      const contents = {
        features: normalArray(24 * 4, 1), logits: normalArray(24 * 4, 2), losses: 6 * 4 * 8, dfeatures: 8 * 4,
        dlogits: 24 * 4, status: new Uint32Array(1),
      }
      contents[name][row * 4] = poison
      const push = (t: Parameters<typeof adversarialLoss>[0]) => adversarialLoss(t, { B: 8, F: 4 }, 'linear', true)
      return bitsOf((await runKernels(device, contents, push, { batch: 5, slot: 3 })).status)[0]
    }
    assert.is(await run('features', 4), 253) // the failure of slot 3
    assert.is(await run('features', 5), 0)
    assert.is(await run('logits', 8 + 4), 253)
    assert.is(await run('logits', 8 + 5), 0)
  })
}

const RULE = { equilibrium: 0.68, margin: 0.35 }

/** By how far the logits of the data, and of what is decoded, lie from 0. */
const states = [
  { real: 0, decoded: 0 },
  { real: 3, decoded: -3 },
  { real: -2, decoded: 2 },
  { real: 3, decoded: 3 },
  { real: 0.5, decoded: -2 },
  { real: -1.5, decoded: 0 },
]

for (const { B, batch } of [{ B: 1, batch: 1 }, { B: 13, batch: 11 }, { B: 100, batch: 100 }]) {
  gpuTest(balance, `says who waits at B=${B} batch=${batch}`, async ({ device }) => {
    const R = padRows(B)
    for (const { real, decoded } of states) {
      const about = (middle: number, seed: number) => uniformArray(R, seed, 0.3).map((value, n) => {
        return n < batch ? middle + value : 50 // rows behind the batch
      })
      const [reconstructed, sampled, data] = [about(decoded, 1), about(decoded, 2), about(real, 3)]
      const logits = padMatrix(Float32Array.of(...reconstructed, ...sampled, ...data), 3 * R, 1)
      const live = (values: Float32Array) => values.subarray(0, batch)
      const waits = reference.waiting(live(data), [...live(reconstructed), ...live(sampled)], RULE)
      for (const status of [0, 7]) {
        const contents = { logits, status: Uint32Array.of(status), held: HELD_WORDS }
        const step = { batch, scale: 1 / batch }
        for (const { held } of await runTilings(device, contents, (t) => adversarialBalance(t, { B: R }, RULE), step)) {
          const words = bitsOf(held)
          const expected = { decoder: waits.decoder || status > 0, discriminator: waits.discriminator || status > 0 }
          const came = { decoder: words[0] !== 0, discriminator: words[HELD_DISCRIMINATOR] !== 0 }
          assert.equal(came, expected, `data about ${real}, decoded about ${decoded}, status ${status}`)
        }
      }
    }
  })
}

prior.run()
stack.run()
loss.run()
backward.run()
balance.run()
