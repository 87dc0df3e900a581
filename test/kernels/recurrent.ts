import * as assert from 'uvu/assert'
import { canvasReadBackward, canvasReadForward } from '../../src/ops/canvas.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { latentStepBackward, latentStepForward } from '../../src/ops/latent-step.js'
import { streamKey, STREAMS } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { errorBackward, errorForward } from '../reference/canvas.js'
import { denseBackward, denseForward } from '../reference/dense.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import { klBackward, klForward, reparameterizeBackward, reparameterizeForward } from '../reference/latent.js'
import { expectSame, expectSameBits, expectWithin, relativeBounds } from '../support/bounds.js'
import { padExpected, padHeads, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const readForward = suite('canvas_read_forward')
const readBackward = suite('canvas_read_backward')
const stepForward = suite('latent_step_forward')
const stepBackward = suite('latent_step_backward')

const BOUND = 2e-5

const canvases = [
  { B: 1, N: 1, D: 1, E: 1 },
  { B: 3, N: 35, D: 9, E: 6 },
  { B: 13, N: 784, D: 16, E: 33 },
]
for (const { B, N, D, E } of canvases) {
  const rows = padRows(B)
  const title = `B=${B} N=${N} D=${D} E=${E}`
  const [x, before, strokes] = [1, 2, 3].map((seed) => uniformArray(rows * N, seed, 3))
  const [decoder, encoder] = [uniformArray(rows * D, 4), uniformArray(rows * E, 5)]
  const width = 2 * N + D + E + 2

  gpuTest(readForward, `matches the reference at ${title}`, async ({ device }) => {
    const ofImages = (values: Float32Array) => padMatrix(values, rows, N)
    const contents = {
      x: ofImages(x),
      before: ofImages(before),
      strokes: ofImages(strokes),
      decoder: padMatrix(decoder, rows, D),
      encoder: padMatrix(encoder, rows, E),
      canvas: new Float32Array(rows * padTo4(N)),
      y: rows * padTo4(width),
    }
    const result = await runKernels(device, contents, (t) => canvasReadForward(t, { B: rows, N, D, E }))
    const canvas = Float64Array.from(before, (value, i) => Math.fround(value + strokes[i]))
    expectSame(result.canvas, padExpected(canvas, rows, N), 'canvas')
    const error = errorForward(x, canvas)
    const expected = new Float64Array(rows * width)
    for (let n = 0; n < rows; n++) {
      const parts = [x.subarray(n * N, (n + 1) * N), error.subarray(n * N, (n + 1) * N)]
      const states = [decoder.subarray(n * D, (n + 1) * D), encoder.subarray(n * E, (n + 1) * E)]
      expected.set([...parts, ...states].flatMap((values) => [...values]).concat(1, 1), n * width)
    }
    expectWithin(result.y, padExpected(expected, rows, width), relativeBounds(result.y, 0, 2e-6), 'y')
  })

  gpuTest(readBackward, `matches the reference at ${title}`, async ({ device }) => {
    const [dy, dcanvas] = [uniformArray(rows * width, 6), uniformArray(rows * N, 7)]
    const contents = {
      dy: padMatrix(dy, rows, width),
      canvas: padMatrix(before, rows, N),
      dcanvas: padMatrix(dcanvas, rows, N),
      dh: rows * padTo4(D),
    }
    const result = await runKernels(device, contents, (t) => canvasReadBackward(t, { B: rows, N, D, E }))
    const byError = Float64Array.from({ length: rows * N }, (_, i) => dy[Math.floor(i / N) * width + N + (i % N)])
    const expected = errorBackward(before, byError).map((value, i) => value + dcanvas[i])
    expectWithin(result.dcanvas, padExpected(expected, rows, N), relativeBounds(result.dcanvas, 0, 2e-6), 'dcanvas')
    const dh = Float64Array.from({ length: rows * D }, (_, i) => dy[Math.floor(i / D) * width + 2 * N + (i % D)])
    expectSame(result.dh, padExpected(dh, rows, D), 'dh')
  })
}

const latents = [
  { B: 1, Z: 1, E: 1, D: 1, steps: 1, step: 0 },
  { B: 3, Z: 3, E: 10, D: 5, steps: 3, step: 1 },
  { B: 8, Z: 4, E: 33, D: 8, steps: 2, step: 1 },
  { B: 13, Z: 10, E: 64, D: 21, steps: 4, step: 3 },
]
const SLOT = 1

for (const shape of latents) {
  const { B, Z, E, D, steps, step } = shape
  const rows = padRows(B)
  const title = `B=${B} Z=${Z} E=${E} D=${D} step ${step} of ${steps}`
  const [encoder, decoder] = [uniformArray(rows * E, 1), uniformArray(rows * D, 2)]
  const layers = [3, 5].map((seed) => {
    return { w: uniformArray(Z * E, seed, 1 / Math.sqrt(E)), b: uniformArray(Z, seed + 1) }
  })
  const [mean, logVariance] = layers.map(({ w, b }) => denseForward(encoder, w, b, { B: rows, I: E, O: Z }))
  const noise = normalArray(rows * steps * Z, 7)
  const noiseAt = (n: number, j: number) => noise[(n * steps + step) * Z + j]
  const epsilon = Float32Array.from({ length: rows * Z }, (_, i) => noiseAt(Math.floor(i / Z), i % Z))
  const weights = layers.map(({ w }) => padMatrix(w, Z, E, padTo4(Z)))
  const biases = layers.map(({ b }) => padMatrix(b, 1, Z))
  const w = Float32Array.from([...weights, ...biases].flatMap((values) => [...values]))
  const bias = (2 * weights[0].length) / 4
  const width = Z + D + 2
  const contents = {
    encoder: padMatrix(encoder, rows, E),
    decoder: padMatrix(decoder, rows, D),
    w,
    noise: padMatrix(noise, rows * steps, Z),
    head: rows * 2 * padTo4(Z),
    y: rows * padTo4(width),
    losses: new Float32Array(4 * rows).fill(100),
    status: new Uint32Array(1),
  }
  const rowOf = (values: ArrayLike<number>, n: number) => Float64Array.from({ length: Z }, (_, j) => values[n * Z + j])
  const at = { B: rows, Z, E, D, steps, step }

  for (const sampled of [false, true]) {
    gpuTest(stepForward, `gives heads, z and ${sampled ? 'log q − log p' : 'the KL'} at ${title}`, async ({ device }) => {
      const options = { bias, lossRows: rows, sampled }
      const uniform = { batch: B, slot: SLOT }
      for (const result of await runTilings(device, contents, (t) => latentStepForward(t, at, options), uniform)) {
        const head = padHeads(mean, logVariance, rows, Z)
        expectWithin(result.head, head, relativeBounds(head, BOUND, BOUND), 'head')
        const z = reparameterizeForward(mean, logVariance, epsilon)
        for (let n = 0; n < rows; n++) {
          const expected = Float64Array.from([...rowOf(z, n), ...decoder.subarray(n * D, (n + 1) * D), 1, 1])
          const came = result.y.subarray(n * padTo4(width), (n + 1) * padTo4(width))
          expectWithin(came, padExpected(expected, 1, width), relativeBounds(came, BOUND, BOUND), `y of row ${n}`)
          const own = [rowOf(mean, n), rowOf(logVariance, n)] as const
          const samples = rowOf(z, n).reduce((sum, value, j) => {
            return sum + 0.5 * (value ** 2 - rowOf(epsilon, n)[j] ** 2 - own[1][j])
          }, 0)
          const kl = (step > 0 ? 100 : 0) + (sampled ? samples : klForward(...own))
          const loss = result.losses[(2 * SLOT + 1) * rows + n]
          assert.ok(Math.abs(loss - kl) <= 2e-4, `the loss of row ${n} is ${loss}, expected ${kl}`)
        }
        expectSame(result.losses.subarray(0, 3 * rows), new Float64Array(3 * rows).fill(100), 'other losses')
        assert.is(bitsOf(result.status)[0], 0)
      }
    })
  }

  gpuTest(stepForward, `takes z as given at ${title}`, async ({ device }) => {
    const options = { bias, lossRows: rows, given: true }
    const { y, losses } = await runKernels(device, contents, (t) => latentStepForward(t, at, options), { batch: B })
    for (let n = 0; n < rows; n++) {
      expectSame(y.subarray(n * padTo4(width), n * padTo4(width) + Z), rowOf(epsilon, n), `z of row ${n}`)
    }
    expectSame(losses, contents.losses, 'losses')
  })

  gpuTest(stepBackward, `matches the reference at ${title}`, async ({ device }) => {
    const dy = uniformArray(rows * padTo4(width), 8)
    const head = Float32Array.from(padHeads(mean, logVariance, rows, Z))
    const given = { dy, noise: contents.noise, w, head, dh: rows * padTo4(E) }
    const [klWeight, scale] = [0.7, 1 / B]
    const uniform = { batch: B, klWeight, scale }
    for (const result of await runTilings(device, given, (t) => latentStepBackward(t, at), uniform)) {
      const dz = Float64Array.from({ length: rows * Z }, (_, i) => dy[Math.floor(i / Z) * padTo4(width) + (i % Z)])
      const [path, kl] = [reparameterizeBackward(dz, logVariance, epsilon), klBackward(mean, logVariance)]
      const behind = (i: number) => Math.floor(i / Z) >= B
      const sum = (a: Float64Array, b: Float64Array) => a.map((v, i) => (behind(i) ? 0 : v + klWeight * scale * b[i]))
      const dMean = sum(path.dMean, kl.dMean)
      const dLogVariance = sum(path.dLogVariance, kl.dLogVariance)
      const dHead = padHeads(dMean, dLogVariance, rows, Z)
      expectWithin(result.head, dHead, relativeBounds(dHead, BOUND, BOUND), 'dhead')
      const [byMean, byLogVariance] = [dMean, dLogVariance].map((d, k) => {
        return denseBackward(encoder, layers[k].w, d, { B: rows, I: E, O: Z }).dx
      })
      const dh = padExpected(byMean.map((value, i) => value + byLogVariance[i]), rows, E)
      expectWithin(result.dh, dh, relativeBounds(dh, BOUND, 4 * BOUND), 'dh')
    }
  })
}

gpuTest(stepForward, 'draws other noise for every row and step, and uses it', async ({ device }) => {
  const [B, Z, E, D, steps] = [8, 6, 3, 2, 3]
  const contents = {
    encoder: uniformArray(B * 4, 1),
    decoder: uniformArray(B * 4, 2),
    w: uniformArray(16 * 4 + 16, 3),
    noise: B * steps * 8,
    head: B * 16,
    y: B * padTo4(Z + D + 2),
    losses: new Float32Array(2 * B),
    status: new Uint32Array(1),
  }
  const at = { B, Z, E, D, steps }
  const options = { bias: 16, lossRows: B }
  const uniform = { batch: B, seed: streamKey(7, STREAMS.NOISE), counter: 11, row: 16 }
  const all = [0, 1, 2]
  const drawn = await runKernels(device, contents, (t) => {
    return all.map((step) => latentStepForward(t, { ...at, step }, { ...options, draw: true }))
  }, uniform)
  assert.is(new Set(drawn.noise).size, drawn.noise.length)
  const given = { ...contents, noise: drawn.noise }
  const read = await runKernels(device, given, (t) => latentStepForward(t, { ...at, step: 2 }, options), uniform)
  expectSameBits(read.y, drawn.y, 'y')
  const later = await runKernels(device, contents, (t) => {
    return all.map((step) => latentStepForward(t, { ...at, step }, { ...options, draw: true }))
  }, { ...uniform, row: 20 })
  const row = steps * 8
  // as the slices of a batch have it
  expectSameBits(later.noise.slice(0, 4 * row), drawn.noise.slice(4 * row), 'noise of later rows')
})

gpuTest(stepForward, 'reports a KL that is not finite, but not in the rows behind the batch', async ({ device }) => {
  const run = async (row: number, value: number) => {
    const w = new Float32Array(8 * 4 + 8)
    w[4 * 4] = 1 // log-variance = h_enc
    const encoder = new Float32Array(8 * 4)
    encoder[row * 4] = value
    const contents = {
      encoder,
      decoder: new Float32Array(8 * 4),
      w,
      noise: new Float32Array(8 * 4),
      head: 8 * 8,
      y: 8 * 4,
      losses: new Float32Array(16),
      status: new Uint32Array(1),
    }
    const shape = { B: 8, Z: 1, E: 1, D: 1, steps: 1, step: 0 }
    const options = { bias: 8, lossRows: 8 }
    const { status } = await runKernels(device, contents, (t) => latentStepForward(t, shape, options), { batch: 5 })
    return bitsOf(status)[0]
  }
  assert.is(await run(4, NaN), 256)
  assert.is(await run(4, 200), 256) // exp(200) is beyond float32
  assert.is(await run(5, NaN), 0)
})

for (const each of [readForward, readBackward, stepForward, stepBackward]) each.run()
