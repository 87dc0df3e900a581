import {
  adversarialBackward, adversarialBalance, adversarialLoss, HELD_WORDS, imageStack, priorForward, type PixelMean,
} from '../../../src/ops/adversarial.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { normalPair, streamKey, STREAMS, threefry2x32 } from '../../../src/random.js'
import { MOST_STEPS } from '../../../src/schedule/step.js'
import { activationBackward, sigmoid } from '../activation.js'
import * as reference from '../adversarial.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, tensors, whole,
  type Constants, type Expected, type KernelCase, type Reference, type Size,
} from './case.js'
import { activationOf } from './values.js'

const MEANS = ['output', 'sigmoid', 'continuous-bernoulli'] as const

/** y = [z; p]: draws of the posterior, then of the prior */
const priorForwardReference: Reference = {
  inputs: ({ B, Z }, seed) => ({ z: rowsOf('z', seed, B, Z) }),
  expected: ({ constants: { B, Z }, step, before, places }) => {
    const stride = padTo4(Z)
    const key = [step.seed[0], (step.seed[1] & 0xffffff) | streamKey(0, STREAMS.PRIOR)[1]] as const
    return places('y').map((index): Expected => {
      const at = index - B * stride
      if (at < 0) return { output: 'y', index, value: before.z[index], bound: 0 }
      const drawn = normalPair(...threefry2x32(...key, at >> 1, step.counter))[at & 1]
      return { output: 'y', index, value: at % stride < Z ? drawn : 0, bound: 1e-3 }
    })
  },
}

/** s = [mean(y); x] */
const imageStackReference: Reference = {
  inputs: ({ B, N }, seed) => ({ y: rowsOf('y', seed, 2 * B, N, 4), x: rowsOf('x', seed, B, N) }),
  expected: ({ constants: { B, N, MEAN }, before: { y, x }, places }) => {
    const stride = padTo4(N)
    return places('s').map((index): Expected => {
      const at = index - 2 * B * stride
      if (at >= 0) return { output: 's', index, value: x[at], bound: 0 }
      const value = index % stride < N ? reference.PIXEL_MEANS[MEANS[MEAN]](y[index]) : 0
      return { output: 's', index, value, bound: FUNCTION_BOUND }
    })
  },
}

const values = (of: Float32Array, n: number, F: number) => of.subarray(n * padTo4(F), n * padTo4(F) + F)

/** Losses of x̃, x_p and x, one batch behind the other, and their gradients */
const adversarialLossReference: Reference = {
  inputs: ({ B, F }, seed, { row_losses: rows }) => ({
    features: rowsOf('features', seed, 3 * B, F),
    logits: rowsOf('logits', seed, 3 * B, 1, 3),
    row_losses: whole('row_losses', seed, rows),
  }),
  expected: ({ constants, step, before: { features, logits, row_losses: rows }, places }) => {
    const { B, F } = constants
    const judged = (n: number) => [2 * B + n, n, B + n].map((row) => logits[4 * row])
    const losses = places('losses').filter((n) => n < step.batch).flatMap((n) => {
      const similarity = reference.similarityForward(values(features, n, F), values(features, 2 * B + n, F))
      const parts = [similarity, rows[B + n], reference.adversarialForward(judged(n)), ...judged(n).map(sigmoid)]
      return parts.map((value, i): Expected => {
        return { output: 'losses', index: i * B + n, value, bound: FUNCTION_BOUND * (1 + Math.abs(value)) }
      })
    })
    const dfeatures = places('dfeatures').map((index): Expected => {
      const stride = padTo4(F)
      const n = Math.floor(index / stride)
      if (n >= step.batch) return { output: 'dfeatures', index, value: 0, bound: 0 }
      const d = reference.similarityBackward([features[index]], [features[2 * B * stride + index]])
      const [value] = activationBackward([features[index]], d, activationOf(constants, '_X'))
      return { output: 'dfeatures', index, value: step.scale * value, bound: FUNCTION_BOUND }
    })
    const dlogits = places('dlogits').map((index): Expected => {
      const [batch, n] = [Math.floor(index / (4 * B)), Math.floor(index / 4) % B]
      const place = [1, 2, 0][batch]
      const live = n < step.batch && index % 4 === 0
      const value = live ? step.scale * reference.adversarialBackward(judged(n))[place] : 0
      return { output: 'dlogits', index, value, bound: FUNCTION_BOUND }
    })
    return [...losses, ...dfeatures, ...dlogits]
  },
}

/** The gradients by y of weight · similarity − adversarial, and of the similarity alone */
const adversarialBackwardReference: Reference = {
  inputs: ({ B, N }, seed) => ({
    y: rowsOf('y', seed, 2 * B, N, 3),
    ds_similarity: rowsOf('ds_similarity', seed, B, N),
    ds_adversarial: rowsOf('ds_adversarial', seed, 3 * B, N),
  }),
  expected: ({ constants, before, places }) => {
    const { B, N, WEIGHT } = constants
    const { y, ds_similarity: similarity, ds_adversarial: adversarial } = before
    const factored = (index: number, gradient: number) => {
      const byMean = gradient * reference.PIXEL_MEAN_DERIVATIVES[MEANS[constants.MEAN]](y[index])
      return activationBackward([y[index]], [byMean], activationOf(constants, '_X'))[0]
    }
    const isReal = (index: number) => index % padTo4(N) < N
    const encoder = places('dencoder').map((index): Expected => {
      const value = isReal(index) ? factored(index, similarity[index]) : 0
      return { output: 'dencoder', index, value, bound: FUNCTION_BOUND }
    })
    const decoder = places('ddecoder').map((index): Expected => {
      const own = index < B * padTo4(N) ? WEIGHT * similarity[index] : 0
      const value = isReal(index) ? factored(index, own - adversarial[index]) : 0
      return { output: 'ddecoder', index, value, bound: FUNCTION_BOUND }
    })
    return [...encoder, ...decoder]
  },
}

/** Words that are not 0 where decoder or discriminator waits */
const adversarialBalanceReference: Reference = {
  inputs: ({ B }: Constants, seed) => ({ logits: rowsOf('logits', seed, 3 * B, 1, 6) }),
  expected: ({ constants: { B, LEAST, MOST }, step, before: { logits } }) => {
    const batch = (first: number) => Array.from({ length: step.batch }, (_, n) => logits[4 * (first + n)])
    const rule = { equilibrium: (LEAST + MOST) / 2, margin: (MOST - LEAST) / 2 }
    const waits = reference.waiting(batch(2 * B), [...batch(0), ...batch(B)], rule)
    const bits = (waits: boolean) => new Float32Array(Uint32Array.of(Number(waits)).buffer)[0]
    return [
      { output: 'held', index: 0, value: bits(waits.decoder), bound: 0 },
      { output: 'held', index: 64, value: bits(waits.discriminator), bound: 0 },
    ]
  },
}

/** A latent of 128 dimensions, images of 32 × 32 × 3, features of 4 × 4 × 128. */
function sizesOf({ B, of }: Size) {
  const { Z, N, F } = of({ Z: 6, N: 35, F: 7 }, { Z: 128, N: 3072, F: 2048 })
  const rows = (width: number) => B * padTo4(width)
  const t = tensors({
    z: rows(Z), prior: 2 * rows(Z), y: 2 * rows(N), x: rows(N), s: 3 * rows(N),
    features: 3 * rows(F), logits: 3 * rows(1), rowLosses: ringOf(B), losses: 6 * MOST_STEPS * B,
    dfeatures: rows(F), dlogits: 3 * rows(1), status: 1,
    dsSimilarity: rows(N), dsAdversarial: 3 * rows(N), ddecoder: 2 * rows(N), dencoder: rows(N), held: HELD_WORDS,
  })
  return { t, shape: { B, Z, N, F } }
}

export const adversarialCases: KernelCase[] = [
  {
    kernel: 'prior_forward',
    ...priorForwardReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [priorForward({ z: t.z, y: t.prior }, shape)]
    },
  },
  {
    kernel: 'image_stack',
    ...imageStackReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return size.of<readonly PixelMean[]>(MEANS, ['sigmoid']).map((mean) => imageStack(t, shape, mean))
    },
  },
  {
    kernel: 'adversarial_loss',
    ...adversarialLossReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [adversarialLoss(t, shape, 'leaky-relu', true)]
    },
  },
  {
    kernel: 'adversarial_backward',
    ...adversarialBackwardReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      const of = { weight: 0.3, activation: 'linear' } as const
      return size.of<readonly PixelMean[]>(MEANS, ['sigmoid']).map((mean) => adversarialBackward(t, shape, { ...of, mean }))
    },
  },
  {
    kernel: 'adversarial_balance',
    ...adversarialBalanceReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      const rules = size.of([{}, { equilibrium: 3 }, { equilibrium: 0 }], [{}])
      return rules.map((rule) => adversarialBalance(t, shape, rule))
    },
  },
]
