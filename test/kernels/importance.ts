import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { importanceBackward, importanceLoss } from '../../src/ops/importance.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import * as reference from '../reference/importance.js'
import { reparameterizeBackward, reparameterizeForward } from '../reference/latent.js'
import { expectSame, expectWithin, U, ULP } from '../support/bounds.js'
import { padHeads, padMatrix, padExpected } from '../support/matrix.js'
import { runKernels, runTilings } from '../support/run-kernel.js'

const loss = suite('importance_loss')
const backward = suite('importance_backward')

/** Images, samples of each, values of a row; `spread` is how far apart the samples' losses lie. */
const losses = [
  { B: 1, samples: 2, N: 1, spread: 1 },
  { B: 3, samples: 5, N: 35, spread: 3 },
  { B: 8, samples: 3, N: 8, spread: 30 },
  { B: 13, samples: 5, N: 784, spread: 5 },
  { B: 20, samples: 50, N: 12, spread: 10 },
  { B: 2, samples: 501, N: 3, spread: 200 }, // most weights underflow
]

const SLOT = 1
const KL_WEIGHT = 0.7

for (const { B, samples: S, N, spread } of losses) {
  gpuTest(loss, `matches the reference at B=${B} samples=${S} N=${N}, losses within ±${spread}`, async ({ device }) => {
    const [images, rows] = [padRows(B), padRows(B * S)]
    const reconstruction = uniformArray(rows, 1, spread).map((value) => 100 + value)
    const kl = uniformArray(rows, 2, spread)
    const rowLosses = new Float32Array(4 * rows).fill(NaN)
    rowLosses.set(reconstruction, 2 * SLOT * rows)
    rowLosses.set(kl, (2 * SLOT + 1) * rows)
    rowLosses.fill(NaN, 2 * SLOT * rows + B * S, (2 * SLOT + 1) * rows) // what padding holds must not count
    const dy = uniformArray(rows * N, 3)
    dy.fill(0, B * S * N)
    const contents = { rowLosses, losses: 6 * images, weights: rows, dy: padMatrix(dy, rows, N) }
    const step = { batch: B, slot: SLOT, klWeight: KL_WEIGHT }
    const results = await runTilings(device, contents, (t) => importanceLoss(t, { B: images, N, samples: S }), step)

    const terms = Float64Array.from({ length: B * S }, (_, i) => reconstruction[i] + Math.fround(KL_WEIGHT) * kl[i])
    const weights = reference.importanceBackward(terms, S)
    // −log w is rounded twice, its distance from the least once; exp is 3 + 2|x| ULP off; then a sum and a quotient.
    const error = (4 * (100 + 2 * spread) + 2 * 4 * spread + S) * U + (6 + 2 * 4 * spread) * ULP
    const relative = (value: number) => error * Math.abs(value) + 1e-37 // denormal results may be flushed
    for (const result of results) {
      expectWithin(result.weights.subarray(0, B * S), weights, weights.map(relative), 'weights')
      expectSame(result.weights.subarray(B * S), new Float64Array(rows - B * S), 'weights of the padding')
      const weighted = Float64Array.from(dy, (d, i) => (i < B * S * N ? d * weights[Math.floor(i / N)] : 0))
      const bounds = padExpected(weighted.map(relative), rows, N)
      expectWithin(result.dy, padExpected(weighted, rows, N), bounds, 'dy')
      const part = (at: number) => result.losses.subarray((3 * SLOT + at) * images, (3 * SLOT + at) * images + B)
      const bound = Float64Array.from({ length: B }, (_, n) => {
        return reference.importanceForward(terms.subarray(n * S, (n + 1) * S), S)
      })
      const means = (values: Float32Array) => Float64Array.from({ length: B }, (_, n) => {
        return values.subarray(n * S, (n + 1) * S).reduce((sum, value) => sum + value / S, 0)
      })
      const most = (size: number) => new Float64Array(B).fill(size)
      expectWithin(part(0), means(reconstruction), most(4 * Math.sqrt(S + 2) * U * (100 + spread)), 'reconstruction')
      expectWithin(part(1), means(kl), most(4 * Math.sqrt(S + 2) * U * spread), 'kl')
      expectWithin(part(2), bound, most(6 * U * (100 + 2 * spread) + error + 2 ** -20), 'objective')
    }
  })
}

const latents = [
  { B: 1, samples: 2, Z: 1 },
  { B: 3, samples: 5, Z: 2 },
  { B: 8, samples: 3, Z: 3 },
  { B: 13, samples: 5, Z: 17 },
  { B: 2, samples: 64, Z: 200 },
]

for (const { B, samples: S, Z } of latents) {
  gpuTest(backward, `matches the reference at B=${B} samples=${S} Z=${Z}`, async ({ device }) => {
    const [images, rows] = [padRows(B), padRows(B * S)]
    const [mean, logVariance] = [uniformArray(images * Z, 1, 2), uniformArray(images * Z, 2, 2)]
    const [noise, dz] = [normalArray(rows * Z, 3), uniformArray(rows * Z, 4)]
    const raw = uniformArray(rows, 5).map(Math.abs)
    const weights = raw.map((value, i) => {
      const first = i - (i % S)
      return value / raw.subarray(first, first + S).reduce((sum, w) => sum + w, 0)
    })
    const contents = {
      dz: padMatrix(dz, rows, Z),
      head: padHeads(mean, logVariance, images, Z),
      noise: padMatrix(noise, rows, Z),
      weights,
      dhead: images * 2 * padTo4(Z),
    }
    const [klWeight, scale] = [KL_WEIGHT, 1 / B]
    const step = { batch: B, klWeight, scale }
    const shape = { B: images, Z, samples: S }
    const { dhead } = await runKernels(device, contents, (t) => importanceBackward(t, shape), step)

    const expected = { mean: new Float64Array(images * Z), logVariance: new Float64Array(images * Z) }
    const bounds = { mean: new Float64Array(images * Z), logVariance: new Float64Array(images * Z) }
    const c = klWeight * scale
    for (let i = 0; i < B * Z; i++) {
      const [n, j] = [Math.floor(i / Z), i % Z]
      expected.logVariance[i] = -0.5 * c
      bounds.logVariance[i] = 2 * U * c
      for (let s = 0; s < S; s++) {
        const row = (n * S + s) * Z + j
        const [z] = reparameterizeForward([mean[i]], [logVariance[i]], [noise[row]])
        const g = dz[row] + c * weights[n * S + s] * z
        const { dMean, dLogVariance } = reparameterizeBackward([g], [logVariance[i]], [noise[row]])
        expected.mean[i] += dMean[0]
        expected.logVariance[i] += dLogVariance[0]
        const far = Math.abs(mean[i]) + Math.exp(1) * Math.abs(noise[row])
        const size = Math.abs(dz[row]) + c * weights[n * S + s] * far
        // the deviation is 3 + |logvar| ULP off; sums of S terms round with their length
        bounds.mean[i] += (4 * Math.sqrt(S + 2) + 12) * U * size
        bounds.logVariance[i] += (4 * Math.sqrt(S + 2) + 24) * U * size * Math.exp(1) * Math.abs(noise[row])
      }
    }
    expectWithin(dhead, padHeads(expected.mean, expected.logVariance, images, Z),
      padHeads(bounds.mean, bounds.logVariance, images, Z), 'dhead')
  })
}

loss.run()
backward.run()
