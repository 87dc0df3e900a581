import { padTo4 } from '../../../src/ops/dispatch.js'
import { importanceBackward, importanceLoss } from '../../../src/ops/importance.js'
import { freeBitsLoss, headWidth } from '../../../src/ops/latent.js'
import { MOST_STEPS } from '../../../src/schedule/step.js'
import * as reference from '../importance.js'
import { klForward, reparameterizeBackward, reparameterizeForward } from '../latent.js'
import {
  columnOf, FUNCTION_BOUND, ringOf, rowsOf, SUM_BOUND, tensors, whole,
  type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

// Losses of the samples are (2, ROWS) in the ring's first slot, those of the images (3, B).

/** The losses of an image's samples, and −log of the samples' weights. */
function samplesOf({ constants: { ROWS, SAMPLES }, step, before }: Given, n: number) {
  const part = (first: number) => [...before.row_losses.subarray(first + n * SAMPLES, first + (n + 1) * SAMPLES)]
  const [reconstruction, kl] = [part(0), part(ROWS)]
  return { reconstruction, kl, terms: reconstruction.map((loss, s) => loss + step.klWeight * kl[s]) }
}

/** losses[n] = mean reconstruction and KL, −log mean w; weights = w / Σ w, 0 for n ≥ batch; dy times its weight */
const importanceLossReference: Reference = {
  inputs: ({ ROWS, N }, seed, { row_losses }) => ({
    row_losses: whole('row_losses', seed, row_losses),
    dy: rowsOf('dy', seed, ROWS, N),
  }),
  expected: (given) => {
    const { constants: { B, SAMPLES, N }, step, before, places } = given
    const stride = padTo4(N)
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / SAMPLES
    const losses = places('losses').filter((n) => n < step.batch).flatMap((n): Expected[] => {
      const { reconstruction, kl, terms } = samplesOf(given, n)
      const values = [mean(reconstruction), mean(kl), reference.importanceForward(terms, SAMPLES)]
      return values.map((value, i) => ({ output: 'losses', index: i * B + n, value, bound: FUNCTION_BOUND }))
    })
    const weightOf = (row: number) => {
      const n = Math.floor(row / SAMPLES)
      return n < step.batch ? reference.importanceBackward(samplesOf(given, n).terms, SAMPLES)[row % SAMPLES] : 0
    }
    const weights = places('weights').map((row): Expected => {
      return { output: 'weights', index: row, value: weightOf(row), bound: FUNCTION_BOUND }
    })
    const gradients = places('dy').filter((index) => index < step.batch * SAMPLES * stride).map((index): Expected => {
      const value = before.dy[index] * weightOf(Math.floor(index / stride))
      return { output: 'dy', index, value, bound: FUNCTION_BOUND }
    })
    return [...losses, ...weights, ...gradients]
  },
}

/** dmean = Σ_s g and dlog_variance = Σ_s g · ε · ½σ − ½c, with g = dz + c · weight · z and c = klWeight / batch */
const importanceBackwardReference: Reference = {
  inputs: ({ B, SAMPLES, Z }, seed, { weights }) => ({
    dz: rowsOf('dz', seed, B * SAMPLES, Z),
    head: rowsOf('head', seed, 2 * B, Z),
    noise: rowsOf('noise', seed, B * SAMPLES, Z, 2),
    weights: whole('weights', seed, weights).map(Math.abs),
  }),
  expected: ({ constants: { SAMPLES, Z }, step, before: { dz, head, noise, weights }, places }) => {
    const stride = padTo4(Z)
    const c = step.klWeight * step.scale
    return places('dhead').flatMap((place): Expected[] => {
      const [n, j] = [Math.floor(place / (2 * stride)), place % stride]
      const at = 2 * n * stride + j
      const [mean, logVariance] = [head[at], head[at + stride]]
      let [dmean, dlogv] = [0, j < Z ? -0.5 * c : 0]
      for (let row = n * SAMPLES; row < (n + 1) * SAMPLES; row++) {
        const epsilon = [noise[row * stride + j]]
        const [z] = reparameterizeForward([mean], [logVariance], epsilon)
        const path = reparameterizeBackward([dz[row * stride + j] + c * weights[row] * z], [logVariance], epsilon)
        dmean += path.dMean[0]
        dlogv += path.dLogVariance[0]
      }
      const live = n < step.batch
      const bound = live ? SAMPLES * FUNCTION_BOUND : 0
      return [
        { output: 'dhead', index: at, value: live ? dmean : 0, bound },
        { output: 'dhead', index: at + stride, value: live ? dlogv : 0, bound },
      ]
    })
  },
}

/** losses[n] = reconstruction, KL, reconstruction + klWeight · Σ_j max(FREE_BITS, kl[j]); kept = kl > FREE_BITS */
const freeBitsLossReference: Reference = {
  inputs: ({ B, Z }, seed, { row_losses }) => ({
    head: rowsOf('head', seed, 2 * B, Z),
    row_losses: whole('row_losses', seed, row_losses),
  }),
  expected: ({ constants: { B, Z, FREE_BITS }, step, before: { head, row_losses }, places }) => {
    const stride = padTo4(Z)
    const means = Array.from({ length: Z }, (_, j) => {
      const column = (from: number) => columnOf(head.subarray(from), step.batch, 2 * stride, j)
      return klForward(column(0), column(stride)) * step.scale
    })
    const term = step.klWeight * reference.freeBitsForward(means, FREE_BITS)
    const losses = places('losses').filter((n) => n < B).flatMap((n): Expected[] => [
      { output: 'losses', index: n, value: row_losses[n], bound: 0 },
      { output: 'losses', index: B + n, value: row_losses[B + n], bound: 0 },
      { output: 'losses', index: 2 * B + n, value: row_losses[n] + term, bound: Z * FUNCTION_BOUND },
    ])
    const clear = means.flatMap((kl, j) => (Math.abs(kl - FREE_BITS) > SUM_BOUND + FUNCTION_BOUND ? [j] : []))
    const kept = clear.map((j): Expected => ({ output: 'kept', index: j, value: Number(means[j] > FREE_BITS), bound: 0 }))
    return [...losses, ...kept]
  },
}

/** Five samples an image, 50 latent dimensions. */
function sizesOf({ B, of }: Size) {
  const { Z, N, samples } = of({ Z: 6, N: 35, samples: 3 }, { Z: 50, N: 784, samples: 5 })
  const rows = B * samples
  const t = tensors({
    rowLosses: ringOf(rows),
    imageLosses: ringOf(B),
    losses: 3 * MOST_STEPS * B,
    weights: rows,
    dy: rows * padTo4(N),
    dz: rows * padTo4(Z),
    noise: rows * padTo4(Z),
    head: B * headWidth(Z),
    dhead: B * headWidth(Z),
    kept: padTo4(Z),
  })
  return { t, shape: { B, Z, N, samples } }
}

export const objectiveCases: KernelCase[] = [
  {
    kernel: 'importance_loss',
    inPlace: ['dy'],
    ...importanceLossReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [importanceLoss(t, shape)]
    },
  },
  {
    kernel: 'importance_backward',
    ...importanceBackwardReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [importanceBackward(t, shape)]
    },
  },
  {
    kernel: 'free_bits_loss',
    ...freeBitsLossReference,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [freeBitsLoss({ ...t, rowLosses: t.imageLosses }, shape, 0.3)]
    },
  },
]
