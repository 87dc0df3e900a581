import * as assert from 'uvu/assert'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { headWidth, reparameterizeBackward, reparameterizeForward } from '../../src/ops/latent.js'
import { normalPair, STREAMS, streamKey, threefry2x32 } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import * as reference from '../reference/latent.js'
import { expectSame, expectSameBits, expectWithin, sumBounds, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const forward = suite('reparameterize_forward')
const backward = suite('reparameterize_backward')

/** `limit` bounds mean and log-variance; with the last one deviations reach from 5e-5 to 2e4. */
const cases = [
  { B: 1, Z: 1, limit: 2 },
  { B: 3, Z: 2, limit: 2 },
  { B: 8, Z: 3, limit: 2 },
  { B: 13, Z: 5, limit: 2 },
  { B: 8, Z: 32, limit: 2 },
  { B: 3, Z: 200, limit: 2 },
  { B: 1, Z: 301, limit: 2 },
  { B: 13, Z: 17, limit: 20 },
]

/** Slots of the loss ring here, and the one that is written. */
const SLOTS = 3
const SLOT = 1

interface Heads {
  mean: Float32Array
  logVariance: Float32Array
  noise: Float32Array
  head: Float32Array
}

function randomHeads(B: number, Z: number, limit: number): Heads {
  const R = padRows(B)
  const mean = uniformArray(R * Z, 1, limit)
  const logVariance = uniformArray(R * Z, 2, limit)
  const head = new Float32Array(R * headWidth(Z))
  const [means, variances] = [padMatrix(mean, R, Z), padMatrix(logVariance, R, Z)]
  const stride = padTo4(Z)
  for (let n = 0; n < R; n++) {
    head.set(means.subarray(n * stride, (n + 1) * stride), 2 * n * stride)
    head.set(variances.subarray(n * stride, (n + 1) * stride), (2 * n + 1) * stride)
  }
  return { mean, logVariance, noise: normalArray(R * Z, 3), head }
}

/** exp(½v) · ε: exp may be 3 + 2·|½v| ULP off, the product and the sum round once more each. */
function sampleBounds({ mean, logVariance, noise }: Heads): Float64Array {
  return Float64Array.from(mean, (mu, i) => {
    const spread = Math.exp(0.5 * logVariance[i]) * Math.abs(noise[i])
    return (4 + Math.abs(logVariance[i])) * ULP * spread + 2 * U * (spread + Math.abs(mu))
  })
}

/** The KL of every row: the rounding of the sum, and exp's own error. */
function divergences({ mean, logVariance }: Heads, rows: number, Z: number) {
  const expected = new Float64Array(rows)
  const bounds = new Float64Array(rows)
  for (let n = 0; n < rows; n++) {
    const [mu, v] = [mean, logVariance].map((values) => values.subarray(n * Z, (n + 1) * Z))
    expected[n] = reference.klForward(mu, v)
    let size = 0
    v.forEach((value, j) => {
      const variance = Math.exp(value)
      size += 0.5 * (variance + mu[j] ** 2 + 1 + Math.abs(value))
      bounds[n] += 0.5 * (3 + 2 * Math.abs(value)) * ULP * variance
    })
    bounds[n] += sumBounds(3 * Z, [size])[0]
  }
  return { expected, bounds }
}

for (const { B, Z, limit } of cases) {
  gpuTest(forward, `matches the reference on given noise at B=${B} Z=${Z} within ±${limit}`, async ({ device }) => {
    const R = padRows(B)
    const heads = randomHeads(B, Z, limit)
    const noise = padMatrix(heads.noise, R, Z)
    const contents = { head: heads.head, noise, z: R * padTo4(Z), losses: SLOTS * 2 * R, status: new Uint32Array(1) }
    const step = { batch: B, slot: SLOT }
    const sample = (t: Parameters<typeof reparameterizeForward>[0]) => reparameterizeForward(t, { B: R, Z }, false)
    for (const result of await runTilings(device, contents, sample, step)) {
      const z = reference.reparameterizeForward(heads.mean, heads.logVariance, heads.noise)
      expectWithin(result.z, padExpected(z, R, Z), padExpected(sampleBounds(heads), R, Z), 'z')
      expectSameBits(result.noise, noise, 'noise')
      const { expected, bounds } = divergences(heads, R, Z)
      const kl = (2 * SLOT + 1) * R
      expectWithin(result.losses.subarray(kl, kl + R), expected, bounds, 'kl')
      const written = result.losses.findIndex((value, i) => !Number.isNaN(value) && (i < kl || i >= kl + R))
      assert.is(written, -1, `losses[${written}] was written, outside of the KL of slot ${SLOT}`)
      assert.is(bitsOf(result.status)[0], 0)
    }
  })
}

for (const { B, Z, row } of [{ B: 13, Z: 5, row: 0 }, { B: 3, Z: 200, row: 0 }, { B: 8, Z: 2, row: 16 }]) {
  gpuTest(forward, `draws the noise that TypeScript draws at B=${B} Z=${Z} from row ${row}`, async ({ device }) => {
    const R = padRows(B)
    const stride = padTo4(Z)
    const seed = streamKey(7, STREAMS.NOISE)
    const counter = 11
    const { head } = randomHeads(B, Z, 2)
    const contents = { head, noise: R * stride, z: R * stride, losses: 2 * R, status: new Uint32Array(1) }
    const step = { batch: B, seed, counter, row }
    const { noise } = await runKernels(device, contents, (t) => reparameterizeForward(t, { B: R, Z }, true), step)
    const expected = new Float64Array(R * stride)
    const bounds = new Float64Array(R * stride)
    for (let pair = 0; pair < (R * stride) / 2; pair++) {
      const words = threefry2x32(seed[0], seed[1], pair + (row * stride) / 2, counter)
      const values = normalPair(...words)
      const radius = Math.hypot(...values)
      // WGSL: cos and sin 2⁻¹¹ absolute, log 2⁻²¹ absolute near 1 and 3 ULP elsewhere, under a root.
      const bound = radius * 2 ** -11 + Math.min(2 ** -10, 2 ** -20 / radius) + 4 * ULP * radius
      values.forEach((value, half) => {
        const at = 2 * pair + half
        if (at % stride >= Z) return
        expected[at] = value
        bounds[at] = bound
      })
    }
    expectWithin(noise, expected, bounds, 'noise')
  })
}

for (const [what, poison] of [['NaN', NaN], ['infinite', Infinity]] as const) {
  gpuTest(forward, `reports a KL that is ${what}, but not in the rows behind the batch`, async ({ device }) => {
    const run = async (row: number) => {
      const { head } = randomHeads(13, 5, 2)
      head[row * headWidth(5) + padTo4(5) + 2] = poison
      const noise = new Float32Array(16 * 8)
      const contents = { head, noise, z: 16 * 8, losses: 32, status: new Uint32Array(1) }
      const shape = { B: 16, Z: 5 }
      const result = await runKernels(device, contents, (t) => reparameterizeForward(t, shape, false), { batch: 13 })
      return bitsOf(result.status)[0]
    }
    assert.is(await run(12), 256) // the failure of slot 0
    assert.is(await run(13), 0)
  })
}

for (const { B, Z, limit } of cases) {
  gpuTest(backward, `matches the reference at B=${B} Z=${Z} within ±${limit}`, async ({ device }) => {
    const R = padRows(B)
    const heads = randomHeads(B, Z, limit)
    const { mean, logVariance, noise } = heads
    const dz = uniformArray(R * Z, 4)
    const contents = {
      dz: padMatrix(dz, R, Z),
      head: heads.head,
      noise: padMatrix(noise, R, Z),
      dhead: R * headWidth(Z),
    }
    const [klWeight, scale] = [0.7, 1 / B]
    const step = { batch: B, klWeight, scale }
    const { dhead } = await runKernels(device, contents, (t) => reparameterizeBackward(t, { B: R, Z }), step)
    const fromSample = reference.reparameterizeBackward(dz, logVariance, noise)
    const fromKl = reference.klBackward(mean, logVariance)
    const weight = klWeight * scale
    const expected = new Float64Array(dhead.length)
    const bounds = new Float64Array(dhead.length)
    for (let n = 0; n < B; n++) {
      for (let j = 0; j < Z; j++) {
        const i = n * Z + j
        const at = n * headWidth(Z) + j
        expected[at] = fromSample.dMean[i] + weight * fromKl.dMean[i]
        bounds[at] = 4 * U * (Math.abs(dz[i]) + weight * Math.abs(mean[i]))
        expected[at + padTo4(Z)] = fromSample.dLogVariance[i] + weight * fromKl.dLogVariance[i]
        const size = Math.abs(fromSample.dLogVariance[i]) + weight * 0.5 * (Math.exp(logVariance[i]) + 1)
        // the deviation is (3 + |logvar|) ULP off, its square twice that
        bounds[at + padTo4(Z)] = (10 + 2 * Math.abs(logVariance[i])) * ULP * size
      }
    }
    expectWithin(dhead, expected, bounds, 'dhead')
  })
}

gpuTest(backward, 'leaves no trace of dz in the rows behind the batch', async ({ device }) => {
  const { head } = randomHeads(8, 3, 2)
  const contents = { dz: uniformArray(32, 4), head, noise: uniformArray(32, 5), dhead: 64 }
  const { dhead } = await runKernels(device, contents, (t) => reparameterizeBackward(t, { B: 8, Z: 3 }), { batch: 3 })
  expectSame(dhead.subarray(3 * 8), new Float64Array(40), 'dhead behind the batch')
})

forward.run()
backward.run()
