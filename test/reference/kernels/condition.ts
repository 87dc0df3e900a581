import { conditionBackward, conditionForward, labelGather } from '../../../src/ops/condition.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import { hash } from '../formula.js'
import { rowsOf, tensors, type KernelCase, type Reference, type Size } from './case.js'

/** Whole numbers below `most`, as words. */
function numbers(count: number, seed: number, most: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => hash(i, seed) % most)
}

/** y[n,p,c] = x[n / REPEAT,p,c] for c < C, behind it the one-hot label: the image's, every class in turn, or none */
const forward: Reference = {
  inputs: ({ B, P, C, K, REPEAT, LABELS }, seed, { labels }) => ({
    x: rowsOf('x', seed, B / REPEAT, P * C),
    ...(LABELS === 0 && { labels: numbers(labels.elements, seed, K) }),
  }),
  expected: ({ constants: { P, C, K, REPEAT, LABELS, ROWS }, before, places }) => {
    const labels = new Uint32Array(before.labels.buffer)
    const labelOf = (n: number) => [labels[n % ROWS], n % K, K][LABELS]
    const [strideX, strideY] = [padTo4(P * C), padTo4(P * (C + K))]
    return places('y').map((index) => {
      const [n, i] = [Math.floor(index / strideY), index % strideY]
      const [p, c] = [Math.floor(i / (C + K)), i % (C + K)]
      const value = c < C ? before.x[Math.floor(n / REPEAT) * strideX + p * C + c] : Number(c - C === labelOf(n))
      return { output: 'y', index, value: p < P ? value : 0, bound: 0 }
    })
  },
}

/** dx[n,p,c] = dy[n,p,c] for c < C */
const backward: Reference = {
  inputs: ({ B, P, C, K }, seed) => ({ dy: rowsOf('dy', seed, B, P * (C + K)) }),
  expected: ({ constants: { P, C, K }, before: { dy }, places }) => {
    const [strideX, strideY] = [padTo4(P * C), padTo4(P * (C + K))]
    return places('dx').map((index) => {
      const [n, i] = [Math.floor(index / strideX), index % strideX]
      const value = i < P * C ? dy[n * strideY + Math.floor(i / C) * (C + K) + (i % C)] : 0
      return { output: 'dx', index, value, bound: 0 }
    })
  },
}

/** y[n] = labels[order[cursor + n]], 0 for n ≥ batch; words, compared by the floats of the same bits */
const gather: Reference = {
  inputs: (_, seed, { labels, order }) => ({
    labels: numbers(labels.elements, seed, 2 ** 32),
    order: numbers(order.elements, seed + 1, 4 * labels.elements),
  }),
  expected: ({ step, before, places }) => {
    const bytes = new Uint8Array(before.labels.buffer)
    const order = new Uint32Array(before.order.buffer)
    return places('y').map((index) => {
      const label = index < step.batch ? bytes[order[index]] : 0
      return { output: 'y', index, value: new Float32Array(Uint32Array.of(label).buffer)[0], bound: 0 }
    })
  },
}

/** Planes after the channels of an image; one label each. */
function conditionSizes({ B, of }: Size) {
  const [P, C, K] = of([6, 3, 4], [784, 1, 10])
  const t = tensors({
    x: B * padTo4(P * C), y: B * padTo4(P * (C + K)), dx: B * padTo4(P * C), dy: B * padTo4(P * (C + K)), labels: B,
  })
  return { t, shape: { B, P, C, K } }
}

export const conditionCases: KernelCase[] = [
  {
    kernel: 'condition_forward',
    ...forward,
    dispatches(size) {
      const { t, shape } = conditionSizes(size)
      const each = { ...shape, B: size.B * shape.K }
      const every = { ...t, labels: 'every', y: { ...t.y, elements: t.y.elements * shape.K } } as const
      const x = { ...t.x, elements: t.x.elements * shape.K }
      return [
        conditionForward(t, shape),
        ...size.of(
          [
            conditionForward(every, { ...each, repeat: shape.K }),
            conditionForward({ ...every, x }, each),
            conditionForward({ ...t, labels: 'none' }, shape),
          ],
          [],
        ),
      ]
    },
  },
  {
    kernel: 'condition_backward',
    ...backward,
    dispatches(size) {
      const { t, shape } = conditionSizes(size)
      return [conditionBackward(t, shape)]
    },
  },
  {
    kernel: 'label_gather',
    ...gather,
    dispatches: ({ B, of }) => [labelGather(tensors({ labels: of(9, 2500), order: B, y: B }), { B })],
  },
]
