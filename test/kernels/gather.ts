import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { batchGather } from '../../src/ops/gather.js'
import { shuffledOrder } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash } from '../reference/formula.js'
import { expectWithin, relativeBounds, ULP } from '../support/bounds.js'
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

gather.run()
