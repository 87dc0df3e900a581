import * as assert from 'uvu/assert'
import { choleskyBackward, choleskyForward, choleskyHeadWidth, triangleSize } from '../../src/ops/cholesky.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { reparameterizeForward } from '../../src/ops/latent.js'
import { streamKey, STREAMS } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import * as reference from '../reference/cholesky.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import { expectSame, expectSameBits, expectWithin, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const forward = suite('cholesky_forward')
const backward = suite('cholesky_backward')

/** `limit` bounds the diagonal's outputs. */
const cases = [
  { B: 1, Z: 1, samples: 1, limit: 2 },
  { B: 3, Z: 2, samples: 1, limit: 2 },
  { B: 8, Z: 3, samples: 3, limit: 2 },
  { B: 13, Z: 5, samples: 1, limit: 20 },
  { B: 5, Z: 17, samples: 4, limit: 2 },
  { B: 3, Z: 50, samples: 1, limit: 2 },
  { B: 2, Z: 130, samples: 1, limit: 2 },
]

const SLOT = 1

type Case = (typeof cases)[number]

/** Heads of images, noise of rows; values in the rows behind the batch too. */
function inputsOf({ B, Z, samples, limit }: Case) {
  const [images, rows, T] = [padRows(B), padRows(B * samples), triangleSize(Z)]
  const mean = uniformArray(images * Z, 1, 2)
  const output = uniformArray(images * T, 2, 1 / Math.sqrt(Z))
  for (let n = 0; n < images; n++) {
    for (let j = 0; j < Z; j++) output[n * T + reference.triangleIndex(j, j)] *= limit * Math.sqrt(Z)
  }
  const head = headOf(mean, output, images, Z)
  return { images, rows, mean, output, head: Float32Array.from(head), noise: normalArray(rows * Z, 3) }
}

/** Rows of mean, then triangle, each padded to whole vectors. */
function headOf(mean: ArrayLike<number>, output: ArrayLike<number>, images: number, Z: number): Float64Array {
  const width = choleskyHeadWidth(Z)
  const [means, outputs] = [padExpected(mean, images, Z), padExpected(output, images, triangleSize(Z))]
  const head = new Float64Array(images * width)
  for (let n = 0; n < images; n++) {
    head.set(means.subarray(n * padTo4(Z), (n + 1) * padTo4(Z)), n * width)
    const triangle = outputs.length / images
    head.set(outputs.subarray(n * triangle, (n + 1) * triangle), n * width + padTo4(Z))
  }
  return head
}

/** Row n of values of that width. */
function rowOf(values: Float32Array, n: number, width: number): Float32Array {
  return values.subarray(n * width, (n + 1) * width)
}

/** exp is 3 + |½v| ULP off, sums of Z terms round with their length. */
const factorError = (v: number) => (4 + Math.abs(v)) * ULP
const sumError = (Z: number) => 4 * Math.sqrt(Z + 2) * U

/** z and KL of every row with their bounds, and where it is asked for log q − log p. */
function expectedRows(one: Case, inputs: ReturnType<typeof inputsOf>, sampled: boolean) {
  const { Z, samples } = one
  const { rows, mean, output, noise } = inputs
  const z = new Float64Array(rows * Z)
  const zBounds = new Float64Array(rows * Z)
  const kl = new Float64Array(rows)
  const klBounds = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const n = Math.floor(row / samples)
    const [mu, v, epsilon] = [rowOf(mean, n, Z), rowOf(output, n, triangleSize(Z)), rowOf(noise, row, Z)]
    const values = reference.choleskyForward(mu, v, epsilon)
    z.set(values, row * Z)
    kl[row] = sampled ? reference.sampledCholeskyKl(values, epsilon, v) : reference.choleskyKlForward(mu, v)
    for (let j = 0; j < Z; j++) {
      const own = v[reference.triangleIndex(j, j)]
      let size = Math.abs(mu[j])
      let squares = mu[j] ** 2 + 1 + Math.abs(own)
      for (let k = 0; k <= j; k++) {
        const factor = Math.abs(reference.factorOf(v, j, k))
        size += factor * Math.abs(epsilon[k])
        squares += factor ** 2
      }
      const deviation = Math.exp(0.5 * own)
      const bound = sumError(Z) * size + factorError(own) * deviation * Math.abs(epsilon[j])
      zBounds[row * Z + j] = bound
      if (sampled) klBounds[row] += size * bound + sumError(Z) * (size ** 2 + epsilon[j] ** 2 + Math.abs(own))
      else klBounds[row] += sumError(Z) * squares + factorError(own) * deviation ** 2
    }
  }
  return { z, zBounds, kl, klBounds }
}

for (const one of cases) {
  const { B, Z, samples, limit } = one
  const title = `B=${B} samples=${samples} Z=${Z} within ±${limit}`

  for (const sampled of [false, true]) {
    const what = sampled ? 'log q − log p' : 'the KL divergence'
    gpuTest(forward, `gives z and ${what} at ${title}`, async ({ device }) => {
      const inputs = inputsOf(one)
      const { rows, head } = inputs
      const noise = padMatrix(inputs.noise, rows, Z)
      const contents = { head, noise, z: rows * padTo4(Z), losses: 4 * rows, status: new Uint32Array(1) }
      const step = { batch: B, slot: SLOT }
      const shape = { B: rows, Z, samples }
      const expected = expectedRows(one, inputs, sampled)
      for (const result of await runTilings(device, contents, (t) => choleskyForward(t, shape, false, sampled), step)) {
        const count = B * samples
        const z = result.z.subarray(0, count * padTo4(Z))
        expectWithin(z, padExpected(expected.z, count, Z), padExpected(expected.zBounds, count, Z), 'z')
        expectSameBits(result.noise, noise, 'noise')
        const kl = (2 * SLOT + 1) * rows
        const losses = result.losses.subarray(kl, kl + count)
        expectWithin(losses, expected.kl.subarray(0, count), expected.klBounds.subarray(0, count), 'kl')
        const written = result.losses.findIndex((value, i) => !Number.isNaN(value) && (i < kl || i >= kl + rows))
        assert.is(written, -1, `losses[${written}] was written, outside of the KL of slot ${SLOT}`)
        assert.is(bitsOf(result.status)[0], 0)
      }
    })
  }

  gpuTest(backward, `matches the reference at ${title}`, async ({ device }) => {
    const inputs = inputsOf({ ...one, samples: 1 })
    const { images, mean, output, head, noise } = inputs
    const dz = uniformArray(images * Z, 4)
    const contents = { dz: padMatrix(dz, images, Z), head, noise: padMatrix(noise, images, Z), dhead: head.length }
    const [klWeight, scale] = [0.7, 1 / B]
    const step = { batch: B, klWeight, scale }
    const { dhead } = await runKernels(device, contents, (t) => choleskyBackward(t, { B: images, Z }), step)
    const gradient = gradientRows(images, Z)
    for (let n = 0; n < B; n++) {
      const [mu, v, epsilon] = [rowOf(mean, n, Z), rowOf(output, n, triangleSize(Z)), rowOf(noise, n, Z)]
      gradient.add(n, v, reference.choleskyBackward(rowOf(dz, n, Z), v, epsilon), 1)
      gradient.add(n, v, reference.choleskyKlBackward(mu, v), klWeight * scale)
    }
    gradient.expect(dhead, 1)
  })

  gpuTest(backward, `weighs samples at ${title}`, async ({ device }) => {
    const inputs = inputsOf(one)
    const { images, rows, output, head, noise } = inputs
    const dz = uniformArray(rows * Z, 4)
    const weights = uniformArray(rows, 5).map(Math.abs)
    for (let n = 0; n < B; n++) { // an image's weights sum to 1
      const own = weights.subarray(n * samples, (n + 1) * samples)
      const sum = own.reduce((total, weight) => total + weight, 0)
      own.forEach((weight, s) => (own[s] = weight / sum))
    }
    const z = Float32Array.from(expectedRows(one, inputs, true).z)
    const contents = {
      dz: padMatrix(dz, rows, Z),
      head,
      noise: padMatrix(noise, rows, Z),
      z: padMatrix(z, rows, Z),
      weights,
      dhead: head.length,
    }
    const [klWeight, scale] = [0.7, 1 / B]
    const step = { batch: B, klWeight, scale }
    const dispatch = ({ z, weights, ...t }: Record<keyof typeof contents, Parameters<typeof choleskyBackward>[0]['dz']>) =>
      choleskyBackward({ ...t, importance: { z, weights } }, { B: images, Z, samples })
    const { dhead } = await runKernels(device, contents, dispatch, step)
    const gradient = gradientRows(images, Z)
    const c = klWeight * scale
    for (let row = 0; row < B * samples; row++) {
      const n = Math.floor(row / samples)
      const v = rowOf(output, n, triangleSize(Z))
      const g = rowOf(dz, row, Z).map((d, j) => d + c * weights[row] * z[row * Z + j])
      gradient.add(n, v, reference.choleskyBackward(g, v, rowOf(noise, row, Z)), 1)
      const entropy = new Float64Array(triangleSize(Z))
      for (let j = 0; j < Z; j++) entropy[reference.triangleIndex(j, j)] = -0.5
      gradient.add(n, v, { dMean: new Float64Array(Z), dOutput: entropy }, c * weights[row])
    }
    gradient.expect(dhead, samples)
  })
}

/** Sums gradients of images and the bounds of what float32 makes of them. */
function gradientRows(images: number, Z: number) {
  const T = triangleSize(Z)
  const [mean, output, meanSize, outputSize] = [Z, T, Z, T].map((width) => new Float64Array(images * width))
  return {
    add(n: number, v: Float32Array, part: { dMean: Float64Array; dOutput: Float64Array }, factor: number) {
      part.dMean.forEach((value, j) => {
        mean[n * Z + j] += factor * value
        meanSize[n * Z + j] += Math.abs(factor * value)
      })
      part.dOutput.forEach((value, t) => {
        output[n * T + t] += factor * value
        outputSize[n * T + t] += Math.abs(factor) * (Math.abs(value) + 1) * (1 + 0.25 * Math.abs(v[t]))
      })
    },
    expect(dhead: Float32Array, samples: number) {
      const bound = (size: number) => (4 * Math.sqrt(samples + 2) + 24) * U * size
      const expected = headOf(mean, output, images, Z)
      expectWithin(dhead, expected, headOf(meanSize.map(bound), outputSize.map(bound), images, Z), 'dhead')
    },
  }
}

gpuTest(forward, 'draws the noise that reparameterize_forward draws, and uses it', async ({ device }) => {
  const [B, Z, samples] = [8, 7, 3]
  const rows = B * samples
  const inputs = inputsOf({ B, Z, samples, limit: 2 })
  const step = { batch: B, seed: streamKey(7, STREAMS.NOISE), counter: 11, row: 16 }
  const empty = { noise: rows * 8, z: rows * 8, losses: 2 * rows, status: new Uint32Array(1) }
  const shape = { B: rows, Z, samples }
  const [drawn, known] = await Promise.all([
    runKernels(device, { head: inputs.head, ...empty }, (t) => choleskyForward(t, shape, true), step),
    runKernels(device, { head: inputs.head, ...empty }, (t) => reparameterizeForward(t, shape, true), step),
  ])
  expectSameBits(drawn.noise, known.noise, 'noise')
  const given = { head: inputs.head, ...empty, noise: known.noise }
  const read = await runKernels(device, given, (t) => choleskyForward(t, shape, false), step)
  expectSameBits(drawn.z, read.z, 'z')
})

gpuTest(forward, 'reports a KL that is not finite, but not in the rows behind the batch', async ({ device }) => {
  const run = async (row: number, value: number) => {
    const { head } = inputsOf({ B: 13, Z: 5, samples: 1, limit: 2 })
    head[row * choleskyHeadWidth(5) + 8] = value // the output of L_00
    const contents = { head, noise: new Float32Array(16 * 8), z: 16 * 8, losses: 32, status: new Uint32Array(1) }
    const result = await runKernels(device, contents, (t) => choleskyForward(t, { B: 16, Z: 5 }, false), { batch: 13 })
    return bitsOf(result.status)[0]
  }
  assert.is(await run(12, NaN), 256)
  assert.is(await run(12, 200), 256) // exp(200) is beyond float32
  assert.is(await run(13, NaN), 0)
})

gpuTest(backward, 'leaves no trace of dz in the rows behind the batch', async ({ device }) => {
  const { head } = inputsOf({ B: 8, Z: 3, samples: 1, limit: 2 })
  const contents = { dz: uniformArray(32, 4), head, noise: uniformArray(32, 5), dhead: head.length }
  const { dhead } = await runKernels(device, contents, (t) => choleskyBackward(t, { B: 8, Z: 3 }), { batch: 3 })
  const behind = dhead.subarray(3 * choleskyHeadWidth(3))
  expectSame(behind, new Float64Array(behind.length), 'dhead behind the batch')
})

forward.run()
backward.run()
