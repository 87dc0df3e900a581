import * as assert from 'uvu/assert'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { batchGather, type Augmentation } from '../../src/ops/gather.js'
import { shuffledOrder, streamKey, STREAMS, threefry2x32, uniformFromBits } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash, uniform } from '../reference/formula.js'
import { expectSame, expectWithin, relativeBounds, ULP } from '../support/bounds.js'
import { padExpected } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const gather = suite('batch_gather')

interface Case {
  /** Images of the set. */
  count: number
  /** Values of an image. */
  N: number
  /** Images of a step, and of this one: the last batch of an epoch may be shorter. */
  B: number
  batch: number
  /** Place in the order. */
  cursor: number
  /** First image of every buffer of the set. */
  firsts: number[]
}

const cases: Case[] = [
  { count: 1, N: 1, B: 1, batch: 1, cursor: 0, firsts: [0] },
  { count: 5, N: 3, B: 3, batch: 3, cursor: 2, firsts: [0] },
  { count: 40, N: 35, B: 8, batch: 8, cursor: 8, firsts: [0] },
  { count: 21, N: 4, B: 13, batch: 8, cursor: 13, firsts: [0] },
  { count: 30, N: 784, B: 13, batch: 13, cursor: 17, firsts: [0] },
  { count: 30, N: 7, B: 13, batch: 13, cursor: 4, firsts: [0, 16] },
  { count: 30, N: 261, B: 13, batch: 4, cursor: 26, firsts: [0, 11, 22] },
]

for (const { count, N, B, batch, cursor, firsts } of cases) {
  const set = firsts.length === 1 ? `${count} images` : `${count} images in ${firsts.length} buffers`
  gpuTest(gather, `takes ${batch} of at most ${B} images of N=${N} from ${cursor} on out of ${set}`, async ({ device }) => {
    const R = padRows(B)
    const stride = padTo4(N)
    const images = Uint8Array.from({ length: count * N }, (_, i) => hash(i, 1))
    const padded = new Uint8Array(count * stride)
    for (let i = 0; i < count; i++) padded.set(images.subarray(i * N, (i + 1) * N), i * stride)
    const order = shuffledOrder(count, 3, 0)
    const ends = [...firsts.slice(1), count]
    const parts = firsts.map((first, i) => {
      const bytes = padded.slice(first * stride, ends[i] * stride)
      return [`images.${i}`, new Uint32Array(bytes.buffer)] as const
    })
    const contents = { ...Object.fromEntries(parts), order, x: R * stride }
    const { x } = await runKernels(
      device,
      contents,
      (t) =>
        firsts.map((first, i) => {
          const buffer = (t as Record<string, typeof t.x>)[`images.${i}`]
          return batchGather(
            { images: buffer, order: t.order, x: t.x },
            { B: R, H: 1, W: N, C: 1, first, count: ends[i] - first },
          )
        }),
      { batch, cursor },
    )
    const expected = Float64Array.from({ length: R * N }, (_, at) => {
      const n = Math.floor(at / N)
      return n < batch ? images[order[cursor + n] * N + (at % N)] / 255 : 0
    })
    // WGSL's division may be 2.5 ULP off; 0 stays 0, the padding too.
    expectWithin(x, padExpected(expected, R, N), relativeBounds(padExpected(expected, R, N), 3 * ULP), 'x')
  })
}

/** Images of 3 × 5 pixels and 2 channels, in two buffers. */
const augmented = { count: 30, H: 3, W: 5, C: 2, B: 13, batch: 11, cursor: 6, row: 8, counter: 4, firsts: [0, 16] }

/** What the kernel makes of the images, and what they were; with `real` any floats instead of bytes. */
async function augment(device: GPUDevice, augmentation: Augmentation, real?: (i: number) => number) {
  const { count, H, W, C, B, batch, cursor, row, counter, firsts } = augmented
  const N = H * W * C
  const byte = (i: number) => (i % 5 === 0 ? 255 * (i % 2) : hash(i, 1) % 256)
  const images = Float64Array.from({ length: count * N }, (_, i) => real?.(i) ?? byte(i))
  const padded = new (real ? Float32Array : Uint8Array)(count * padTo4(N))
  for (let i = 0; i < count; i++) padded.set(images.subarray(i * N, (i + 1) * N), i * padTo4(N))
  const [low, high] = [0, 16].map((first) => {
    return new Uint32Array(padded.slice(first * padTo4(N), (first === 0 ? 16 : count) * padTo4(N)).buffer)
  })
  const order = shuffledOrder(count, 3, 0)
  const { x } = await runKernels(
    device,
    { low, high, order, x: padRows(B) * padTo4(N) },
    (t) =>
      firsts.map((first, i) => {
        const shape = { B: padRows(B), H, W, C, first, count: (firsts[i + 1] ?? count) - first, floats: Boolean(real) }
        return batchGather({ images: i === 0 ? t.low : t.high, order: t.order, x: t.x }, shape, augmentation)
      }),
    { batch, cursor, row, counter, seed: streamKey(SEED, STREAMS.NOISE) },
  )
  const plain = Float64Array.from({ length: padRows(B) * N }, (_, i) => {
    const n = Math.floor(i / N)
    return n < batch ? images[order[cursor + n] * N + (i % N)] / (real ? 1 : 255) : 0
  })
  return { x, plain }
}

const SEED = 2 ** 40 + 5

/** The images with those turned that the stream of mirroring says. */
function mirroredImages(plain: Float64Array): Float64Array {
  const { H, W, C, B, batch, row, counter } = augmented
  const N = H * W * C
  const key = streamKey(SEED, STREAMS.FLIP)
  const mirrored = Array.from({ length: batch }, (_, n) => threefry2x32(...key, row + n, counter)[0] % 2 === 1)
  assert.ok(mirrored.includes(true) && mirrored.includes(false))
  const expected = plain.map((value, i) => {
    const [n, w] = [Math.floor(i / N), Math.floor(i / C) % W]
    return mirrored[n] ? plain[i + (W - 1 - 2 * w) * C] : value
  })
  return padExpected(expected, padRows(B), N)
}

gpuTest(gather, 'mirrors the images that the stream of mirroring says, row by row', async ({ device }) => {
  const { x, plain } = await augment(device, { flip: true })
  const expected = mirroredImages(plain)
  expectWithin(x, expected, relativeBounds(expected, 3 * ULP), 'x')
})

gpuTest(gather, 'takes floats as they are, mirrored or not', async ({ device }) => {
  const { H, W, C, B } = augmented
  const real = (i: number) => Math.fround((hash(i, 1) - 2 ** 31) * 2 ** ((i % 61) - 50))
  const straight = await augment(device, {}, real)
  expectSame(straight.x, padExpected(straight.plain, padRows(B), H * W * C), 'x')
  const turned = await augment(device, { flip: true }, real)
  expectSame(turned.x, mirroredImages(turned.plain), 'x mirrored')
})

gpuTest(gather, 'draws every pixel with the probability of its grey value', async ({ device }) => {
  const { H, W, C, B, batch, row, counter } = augmented
  const N = H * W * C
  const { x, plain } = await augment(device, { binarize: 'sample' })
  const key = streamKey(SEED, STREAMS.BINARIZE)
  const expected = plain.map((value, i) => {
    const [n, place] = [Math.floor(i / N), i % N]
    const words = threefry2x32(...key, ((row + n) * padTo4(N)) / 2 + Math.floor(place / 2), counter)
    const drawn = uniformFromBits(words[place % 2])
    assert.ok(n >= batch || value === 0 || value === 1 || Math.abs(drawn - value) > 1e-6, 'too close to call in float32')
    return n < batch && drawn < value ? 1 : 0
  })
  assert.ok(expected.includes(1))
  expectSame(x, padExpected(expected, padRows(B), N), 'x')
})

for (const real of [undefined, (i: number) => (i % 3 === 0 ? 0.5 : Math.fround(uniform(i, 1)))]) {
  gpuTest(gather, `cuts grey values that are ${real ? 'floats' : 'bytes'} at one half`, async ({ device }) => {
    const { H, W, C, B } = augmented
    const { x, plain } = await augment(device, { binarize: 'threshold' }, real)
    expectSame(x, padExpected(plain.map((value) => (value >= 0.5 ? 1 : 0)), padRows(B), H * W * C), 'x')
  })
}

gather.run()
