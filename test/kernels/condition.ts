import { conditionBackward, conditionForward, labelGather } from '../../src/ops/condition.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { shuffledOrder } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash, uniformArray } from '../reference/formula.js'
import { expectSame } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels } from '../support/run-kernel.js'

const forward = suite('condition_forward')
const backward = suite('condition_backward')
const gather = suite('label_gather')

/** Rows, pixels (1 for a vector), channels, classes. */
const shapes = [
  { B: 1, P: 1, C: 1, K: 2 },
  { B: 3, P: 1, C: 7, K: 10 },
  { B: 13, P: 1, C: 20, K: 10 },
  { B: 8, P: 35, C: 1, K: 3 },
  { B: 13, P: 6, C: 3, K: 5 },
  { B: 3, P: 784, C: 1, K: 10 },
]

for (const { B, P, C, K } of shapes) {
  const R = padRows(B)
  const title = P === 1 ? `a vector of ${C} at B=${B} K=${K}` : `${P} pixels of ${C} channels at B=${B} K=${K}`

  gpuTest(forward, `appends the one-hot label to ${title}`, async ({ device }) => {
    const x = uniformArray(R * P * C, 1)
    const labels = Uint32Array.from({ length: R }, (_, n) => hash(n, 2) % K)
    const contents = { x: padMatrix(x, R, P * C), labels, y: R * padTo4(P * (C + K)) }
    const { y } = await runKernels(device, contents, (t) => conditionForward(t, { B: R, P, C, K }))
    const expected = Float64Array.from({ length: R * P * (C + K) }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / (C + K)), i % (C + K)]
      return channel < C ? x[pixel * C + channel] : Number(labels[Math.floor(pixel / P)] === channel - C)
    })
    expectSame(y, padExpected(expected, R, P * (C + K)), 'y')
  })

  gpuTest(forward, `gives three stacked batches the same labels, ${title}`, async ({ device }) => {
    const x = padMatrix(uniformArray(3 * R * P * C, 1), 3 * R, P * C)
    const labels = Uint32Array.from({ length: R }, (_, n) => hash(n, 2) % K)
    const contentsOf = (of: Float32Array, rows: number) => ({ x: of, labels, y: rows * padTo4(P * (C + K)) })
    const stack = (t: Parameters<typeof conditionForward>[0]) => {
      return conditionForward(t, { B: 3 * R, P, C, K, batches: 3 })
    }
    const { y } = await runKernels(device, contentsOf(x, 3 * R), stack)
    for (let u = 0; u < 3; u++) {
      const own = x.slice((u * x.length) / 3, ((u + 1) * x.length) / 3)
      const alone = await runKernels(device, contentsOf(own, R), (t) => conditionForward(t, { B: R, P, C, K }))
      expectSame(y.subarray((u * y.length) / 3, ((u + 1) * y.length) / 3), alone.y, `batch ${u}`)
    }
  })

  gpuTest(backward, `leaves out the label's share of ${title}`, async ({ device }) => {
    const dy = uniformArray(R * P * (C + K), 1)
    const contents = { dy: padMatrix(dy, R, P * (C + K)), dx: R * padTo4(P * C) }
    const { dx } = await runKernels(device, contents, (t) => conditionBackward(t, { B: R, P, C, K }))
    const expected = Float64Array.from({ length: R * P * C }, (_, i) => dy[Math.floor(i / C) * (C + K) + (i % C)])
    expectSame(dx, padExpected(expected, R, P * C), 'dx')
  })
}

for (const { count, B, batch, cursor } of [
  { count: 1, B: 1, batch: 1, cursor: 0 },
  { count: 30, B: 13, batch: 13, cursor: 5 },
  { count: 203, B: 100, batch: 3, cursor: 200 },
]) {
  gpuTest(gather, `takes ${batch} of at most ${B} labels from ${cursor} on out of ${count}`, async ({ device }) => {
    const R = padRows(B)
    const labels = new Uint8Array(padTo4(count)).map((_, i) => (i < count ? hash(i, 3) : 0))
    const order = shuffledOrder(count, 1, 0)
    const contents = { labels: new Uint32Array(labels.buffer), order, y: R }
    const { y } = await runKernels(device, contents, (t) => labelGather(t, { B: R }), { batch, cursor })
    const expected = Array.from({ length: R }, (_, n) => (n < batch ? labels[order[cursor + n]] : 0))
    expectSame(bitsOf(y), expected, 'y')
  })
}

forward.run()
backward.run()
gather.run()
