import * as assert from 'uvu/assert'
import { padRows, padTo4, type PlanTensor } from '../../src/ops/dispatch.js'
import * as ops from '../../src/ops/quantize.js'
import { streamKey, STREAMS, threefry2x32 } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash, uniformArray } from '../reference/formula.js'
import { gatherCodes, nearestCodes, squaredDistance, sumsByCode } from '../reference/quantize.js'
import { expectSame, expectWithin, relativeBounds } from '../support/bounds.js'
import { padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels } from '../support/run-kernel.js'

const quantize = suite('quantize')
const codebookSuite = suite('codebook')

const NO_CODE = 0xffffffff
const COMMITMENT = 0.25

/** Images of a slice and rows behind them; positions, values and codes around every tile's edge. */
const cases = [
  { batch: 1, P: 1, D: 1, K: 1 },
  { batch: 3, P: 5, D: 3, K: 7 },
  { batch: 8, P: 4, D: 4, K: 16 },
  { batch: 5, P: 6, D: 16, K: 17 },
  { batch: 2, P: 33, D: 7, K: 300 },
  { batch: 9, P: 12, D: 2, K: 31 },
].map((shape) => ({ ...shape, B: padRows(shape.batch) }))

type Case = (typeof cases)[number]

const title = ({ batch, P, D, K }: Case) => `at batch=${batch} P=${P} D=${D} K=${K}`

/** Vectors (B·P, D), the rows behind the batch too, a codebook, and codes as the kernels hold them. */
function inputsOf({ B, P, D, K }: Case) {
  const z = uniformArray(B * P * D, 1, 2)
  const codebook = uniformArray(K * D, 2, 2)
  const codes = Uint32Array.from({ length: B * P }, (_, t) => hash(t, 3) % K)
  return { z, codebook, codes, usedCodes: (batch: number) => codes.subarray(0, batch * P) }
}

function padded({ B, P, D, K }: Case, { z, codebook, codes }: ReturnType<typeof inputsOf>) {
  const words = new Uint32Array(B * padTo4(P)).fill(NO_CODE)
  for (let n = 0; n < B; n++) words.set(codes.subarray(n * P, (n + 1) * P), n * padTo4(P))
  return { z: padMatrix(z, B, P * D), codebook: padMatrix(codebook, K, D, padTo4(K)), codes: words }
}

for (const shape of cases) {
  gpuTest(quantize, `finds the nearest codes ${title(shape)}`, async ({ device }) => {
    const { B, P, D, K } = shape
    const inputs = inputsOf(shape)
    const { z, codebook } = padded(shape, inputs)
    const contents = { z, codebook, codes: B * padTo4(P) }
    const result = await runKernels(device, contents, (t) => ops.quantizeNearest(t, shape))
    const words = bitsOf(result.codes)
    const expected = nearestCodes(inputs.z, inputs.codebook, D)
    for (let i = 0; i < words.length; i++) {
      const [n, p] = [Math.floor(i / padTo4(P)), i % padTo4(P)]
      if (p >= P) {
        assert.is(words[i], NO_CODE)
        continue
      }
      const t = n * P + p
      assert.ok(words[i] < K)
      const distance = (k: number) => squaredDistance(inputs.z, t * D, inputs.codebook, k, D)
      // Rounding may only confuse codes as far apart as itself: a few roundings of sums of D terms below 4 · D.
      assert.ok(distance(words[i]) - distance(expected[t]) <= 32 * D * 2 ** -24, `position ${t}`)
    }
  })

  gpuTest(quantize, `puts codes in place of vectors, with loss and usage, ${title(shape)}`, async ({ device }) => {
    const { B, P, D, K, batch } = shape
    const inputs = inputsOf(shape)
    const usage = Uint32Array.from({ length: K }, (_, k) => k)
    const outputs = { y: B * padTo4(P * D), losses: 6 * B, status: new Uint32Array(1) }
    const contents = { ...padded(shape, inputs), usage, ...outputs }
    const step = { batch, slot: 2 }
    const run = (count: boolean) =>
      runKernels(device, contents, (t) => ops.quantizeForward(t, shape, { commitment: COMMITMENT, count }), step)
    const result = await run(true)
    const e = gatherCodes(inputs.codes, inputs.codebook, D)
    expectSame(result.y, padMatrix(e, B, P * D), 'y')
    const losses = Float64Array.from({ length: B }, (_, n) => {
      let sum = 0
      for (let i = n * P * D; i < (n + 1) * P * D; i++) sum += (inputs.z[i] - e[i]) ** 2
      return (1 + COMMITMENT) * sum
    })
    expectWithin(result.losses.subarray(5 * B), losses, relativeBounds(losses, 1e-6), 'losses')
    const { counts } = sumsByCode(inputs.z, inputs.usedCodes(batch), K, D)
    assert.equal([...bitsOf(result.usage)], [...counts].map((count, k) => count + k))
    assert.equal([...bitsOf((await run(false)).usage)], [...usage])
    assert.is(bitsOf(result.status)[0], 0)
    const gathered = await runKernels(device, contents, (t) => ops.codebookGather(t, shape))
    expectSame(gathered.y, result.y, 'gathered')
  })

  gpuTest(quantize, `passes gradients straight through, with the commitment's, ${title(shape)}`, async ({ device }) => {
    const { B, P, D, batch } = shape
    const N = P * D
    const [z, y, dy] = [1, 2, 3].map((seed) => uniformArray(B * N, seed))
    const tensors = { z: padMatrix(z, B, N), y: padMatrix(y, B, N), dy: padMatrix(dy, B, N), dz: B * padTo4(N) }
    const step = { batch, scale: 1 / batch }
    const { dz } = await runKernels(device, tensors, (t) => ops.quantizeBackward(t, shape, COMMITMENT), step)
    const expected = Float64Array.from(z, (value, i) =>
      i < batch * N ? dy[i] + ((2 * COMMITMENT) / batch) * (value - y[i]) : 0,
    )
    const wanted = padMatrix(expected, B, N)
    expectWithin(dz, wanted, new Float64Array(wanted.length).fill(1e-6), 'dz')
  })

  gpuTest(codebookSuite, `has the gradient of the distances ${title(shape)}`, async ({ device }) => {
    const { P, D, K, batch } = shape
    const inputs = inputsOf(shape)
    const contents = { ...padded(shape, inputs), dcodebook: padTo4(K) * padTo4(D) }
    const run = () => runKernels(device, contents, (t) => ops.codebookBackward(t, shape), { batch, scale: 1 / batch })
    const { counts, sums } = sumsByCode(inputs.z, inputs.usedCodes(batch), K, D)
    const gradient = Float64Array.from(sums, (sum, i) => {
      return (2 / batch) * (counts[Math.floor(i / D)] * inputs.codebook[i] - sum)
    })
    const expected = padMatrix(gradient, K, D, padTo4(K))
    const result = (await run()).dcodebook
    expectWithin(result, expected, new Float64Array(expected.length).fill((1e-6 * 8 * P) / Math.sqrt(K)), 'dcodebook')
    assert.equal(bitsOf((await run()).dcodebook), bitsOf(result))
  })

  gpuTest(codebookSuite, `averages what chose the codes and revives dead ones ${title(shape)}`, async ({ device }) => {
    const { P, D, K, batch } = shape
    const inputs = inputsOf(shape)
    const counts = Float64Array.from({ length: K }, (_, k) => (k % 5 === 3 ? 1e-3 : 1 + (k % 3)))
    const average = uniformArray(K * D, 6)
    const K4 = padTo4(K)
    const contents = {
      ...padded(shape, inputs),
      counts: K4,
      sums: K4 * padTo4(D),
      count: padMatrix(counts, 1, K),
      mean: padMatrix(average, K, D, K4),
      status: new Uint32Array(1),
    }
    const key = streamKey(9, STREAMS.NOISE)
    const step = { batch, seed: key, counter: 4 }
    type Tensors = Record<keyof typeof contents, PlanTensor>
    const both = (t: Tensors) => [ops.codebookSum(t, shape), ops.codebookAverage(t, shape)]
    const result = await runKernels(device, contents, both, step)
    const found = sumsByCode(inputs.z, inputs.usedCodes(batch), K, D)
    const moved = counts.map((count, k) => 0.99 * count + 0.01 * found.counts[k])
    const total = moved.reduce((sum, count) => sum + count, 0)
    const [count, codes] = [moved.slice(), new Float64Array(K * D)]
    for (let k = 0; k < K; k++) {
      const dead = moved[k] < (0.1 * total) / K
      const [bits] = threefry2x32(...streamKey(9, STREAMS.REVIVE), k, 4)
      const place = bits % (batch * P)
      if (dead) count[k] = total / K
      const smoothed = ((moved[k] + 1e-5) / (total + K * 1e-5)) * total
      for (let d = 0; d < D; d++) {
        const mean = (0.99 * average[k * D + d] + 0.01 * found.sums[k * D + d]) / smoothed
        codes[k * D + d] = dead ? inputs.z[place * D + d] : mean
      }
    }
    expectWithin(result.count.subarray(0, K), count, relativeBounds(count, 1e-5), 'count')
    const expected = padMatrix(codes, K, D, K4)
    expectWithin(result.codebook, expected, relativeBounds(expected, 1e-5, 1e-5), 'codebook')
    const failed = await runKernels(device, { ...contents, status: Uint32Array.of(3) }, both, step)
    expectSame(failed.codebook, contents.codebook, 'codebook of a failed step')
    expectSame(failed.count, contents.count, 'count of a failed step')
  })
}

gpuTest(quantize, 'takes the first of equal codes', async ({ device }) => {
  const shape = { B: 8, P: 4, D: 4, K: 40 }
  const z = uniformArray(8 * 16, 1)
  const codebook = new Float32Array(160).fill(0.5)
  const { codes } = await runKernels(device, { z, codebook, codes: 32 }, (t) => ops.quantizeNearest(t, shape))
  assert.ok(bitsOf(codes).every((code) => code === 0))
})

quantize.run()
codebookSuite.run()
