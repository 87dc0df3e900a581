import { conditionForward } from '../../src/ops/condition.js'
import { padRows, padTo4, type Dispatch, type PlanTensor } from '../../src/ops/dispatch.js'
import { headWidth, reparameterizeForward } from '../../src/ops/latent.js'
import { bceLoss, continuousBernoulliLoss, gaussianLoss, rowReduce } from '../../src/ops/likelihood.js'
import { streamKey, STREAMS } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash, normalArray, uniformArray } from '../reference/formula.js'
import { expectSameBits, expectWithin, sumBounds } from '../support/bounds.js'
import { padMatrix } from '../support/matrix.js'
import { runKernels, runTilings, type Contents } from '../support/run-kernel.js'

const suites = {
  bce_loss: suite('bce_loss with samples'),
  continuous_loss: suite('bce_loss, continuous, with samples'),
  gaussian_loss: suite('gaussian_loss with samples'),
  condition_forward: suite('condition_forward with samples'),
  reparameterize_forward: suite('reparameterize_forward with samples'),
}
const reduce = suite('row_reduce with weights')

const cases = [
  { B: 1, samples: 2 },
  { B: 3, samples: 5 },
  { B: 8, samples: 3 },
  { B: 13, samples: 50 },
]

/** Rows of 32-bit words, each `samples` times over, up to `rows` rows. */
function repeated<T extends Float32Array | Uint32Array>(values: T, width: number, samples: number, rows: number): T {
  const copy = values.slice(0, 1)
  const Words = copy.constructor as new (length: number) => T
  const out = new Words(rows * width)
  for (let row = 0; row < rows; row++) {
    const image = Math.floor(row / samples)
    out.set(values.subarray(image * width, (image + 1) * width), row * width)
  }
  return out
}

/** All that some kernel here binds. */
type Tensors = Record<
  'logits' | 'means' | 'x' | 'losses' | 'status' | 'dlogvRows' | 'labels' | 'y' | 'head' | 'noise' | 'z', PlanTensor
>

interface Kernel {
  /** What belongs to an image: the width of a row. */
  images: Record<string, { values: Float32Array | Uint32Array; width: number }>
  /** What belongs to a row. */
  rows: Contents
  dispatch(t: Tensors, shape: { B: number; samples?: number }): Dispatch
}

/** The kernels on random inputs for so many images and rows. */
function kernels(images: number, rows: number): Record<keyof typeof suites, Kernel> {
  const [N, Z] = [35, 6]
  const output = padMatrix(uniformArray(rows * N, 1, 3), rows, N)
  const x = { values: padMatrix(uniformArray(images * N, 2).map(Math.abs), images, N), width: padTo4(N) }
  const results = { losses: 2 * rows, status: new Uint32Array(1) }
  const head = { values: uniformArray(images * headWidth(Z), 3), width: headWidth(Z) }
  const labels = { values: Uint32Array.from({ length: images }, (_, n) => hash(n, 2) % 4), width: 1 }
  return {
    bce_loss: {
      images: { x },
      rows: { logits: output, ...results },
      dispatch: (t, shape) => bceLoss(t, { ...shape, N }, 'linear', true),
    },
    continuous_loss: {
      images: { x },
      rows: { logits: output, ...results },
      dispatch: (t, shape) => continuousBernoulliLoss(t, { ...shape, N }, 'tanh', true),
    },
    gaussian_loss: {
      images: { x },
      rows: { means: output, dlogvRows: rows, ...results },
      dispatch: (t, shape) => gaussianLoss(t, { ...shape, N }, 0.3, 'linear', true),
    },
    condition_forward: {
      images: { labels },
      rows: { x: output, y: rows * padTo4(N + 4) },
      dispatch: (t, shape) => conditionForward(t, { ...shape, P: 1, C: N, K: 4 }),
    },
    reparameterize_forward: {
      images: { head },
      rows: { noise: rows * padTo4(Z), z: rows * padTo4(Z), ...results },
      dispatch: (t, shape) => reparameterizeForward(t, { ...shape, Z }, true, true),
    },
  }
}

for (const { B, samples } of cases) {
  for (const [name, test] of Object.entries(suites)) {
    gpuTest(test, `gives the bits of every image's rows alone at B=${B} samples=${samples}`, async ({ device }) => {
      const [images, rows] = [padRows(B), padRows(B * samples)]
      const { images: ofImages, rows: ofRows, dispatch } = kernels(images, rows)[name as keyof typeof suites]
      const entries = Object.entries(ofImages)
      const once = Object.fromEntries(entries.map(([key, { values }]) => [key, values]))
      const often = Object.fromEntries(
        entries.map(([key, { values, width }]) => [key, repeated(values, width, samples, rows)]),
      )
      const shared = { seed: streamKey(3, STREAMS.NOISE), counter: 5, scale: 1 / B }
      const row = 8 // of a slice: as many images before it, samples times as many rows
      const some = await runTilings(device, { ...once, ...ofRows } as Contents,
        (t) => dispatch(t as Tensors, { B: rows, samples }), { ...shared, batch: B, row })
      const alone = await runTilings(device, { ...often, ...ofRows } as Contents,
        (t) => dispatch(t as Tensors, { B: rows }), { ...shared, batch: B * samples, row: row * samples })
      some.forEach((result, tiling) => {
        for (const key of Object.keys(ofRows)) expectSameBits(result[key], alone[tiling][key], key)
      })
    })
  }
}

for (const B of [8, 104, 1000]) {
  gpuTest(reduce, `sums ${B} rows, each by its weight, over what is there or in addition to it`, async ({ device }) => {
    const [x, weights] = [uniformArray(B, 1), normalArray(B, 2).map(Math.abs)]
    const { y } = await runKernels(device, { x, weights, y: 4 }, (t) => rowReduce(t, { B }))
    const sum = x.reduce((total, value, n) => total + value * weights[n], 0)
    const size = x.reduce((total, value, n) => total + Math.abs(value) * weights[n], 0)
    expectWithin(y, [sum, 0, 0, 0], [sumBounds(B, [size])[0], 0, 0, 0], 'y')
    const added = await runKernels(device, { x, weights, y: Float32Array.of(3, 0, 0, 0) }, (t) => {
      return rowReduce(t, { B }, { accumulate: true })
    })
    expectWithin(added.y, [3 + sum, 0, 0, 0], [sumBounds(B + 1, [3 + size])[0], 0, 0, 0], 'y')
  })
}

for (const test of Object.values(suites)) test.run()
reduce.run()
