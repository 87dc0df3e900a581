import * as assert from 'uvu/assert'
import { FUSED_ACTIVATIONS } from '../../src/ops/activation.js'
import {
  batchNormBackwardInput, batchNormBackwardWeight, batchNormForward, batchNormRunning, batchNormStatistics,
  statisticsWidth,
} from '../../src/ops/batch-norm.js'
import { padRows, padTo4, type PlanTensor } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import * as reference from '../reference/batch-norm.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import { activationBounds, expectSame, expectWithin, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { bitsOf, runKernels, runTilings } from '../support/run-kernel.js'

const statistics = suite('batch_norm_statistics')
const forward = suite('batch_norm_forward')
const weight = suite('batch_norm_backward_weight')
const input = suite('batch_norm_backward_input')
const running = suite('batch_norm_running')

interface Case {
  /** Images. */
  B: number
  P: number
  C: number
  samples?: number
  /** Of every channel, which has deviation 1. */
  mean: number
}

/** Vectors, whole vec4s of channels, channels that straddle them; one value a channel; means far from 0. */
const cases: Case[] = [
  { B: 1, P: 1, C: 5, mean: 3 },
  { B: 3, P: 1, C: 7, mean: 0 },
  { B: 13, P: 1, C: 20, mean: -2 },
  { B: 100, P: 1, C: 33, mean: 1000 },
  { B: 1, P: 6, C: 3, mean: 0 },
  { B: 13, P: 6, C: 5, mean: 10 },
  { B: 3, P: 35, C: 1, mean: -100 },
  { B: 8, P: 35, C: 4, mean: 1000 },
  { B: 5, P: 64, C: 32, mean: 1 },
  { B: 64, P: 256, C: 6, mean: 1000 },
  { B: 4, P: 9, C: 8, samples: 3, mean: 0 },
  { B: 3, P: 4, C: 3, samples: 7, mean: 5 },
]

function titleOf({ B, P, C, samples, mean }: Case): string {
  return `B=${B}${samples ? ` samples=${samples}` : ''} P=${P} C=${C}, mean ${mean}`
}

/** Inputs of a case: x in the rows of the batch, and the same with something else in the rows behind it. */
function inputsOf({ B, P, C, samples = 1, mean }: Case, seed = 1) {
  const [rows, R] = [B * samples, padRows(B * samples)]
  const x = normalArray(rows * P * C, seed).map((value) => mean + value)
  return { x, padded: behind(x, rows, P * C), rows, R, shape: { B: R, P, C, samples } }
}

/** Rows padded to whole vectors, 1e6 in the rows behind the last one. */
function behind(values: Float32Array, rows: number, width: number): Float32Array {
  const R = padRows(rows)
  const all = new Float32Array(R * width).fill(1e6)
  all.set(values)
  return padMatrix(all, R, width)
}

/** Mean and unbiased variance, padded. */
function statisticsOf(x: Float32Array, C: number) {
  const { mean, unbiased } = reference.batchStatistics(x, C)
  return padExpected([...mean, ...unbiased], 2, C)
}

/** How far x̂ may be off: by the mean's rounding, and that of the deviation. */
function normalError({ P, C, mean }: Case, x: Float32Array): number {
  const count = (x.length / (P * C)) * P
  return 4 * U * Math.abs(mean) + 5 * (4 * Math.sqrt(count) + 24) * U // |x̂| < 5, and nearly all of it below 3.5
}

for (const one of cases) {
  const { B, C } = one

  gpuTest(statistics, `matches the reference at ${titleOf(one)}`, async ({ device }) => {
    const { x, padded, shape } = inputsOf(one)
    const contents = { x: padded, statistics: statisticsWidth(C), status: new Uint32Array(1) }
    const expected = statisticsOf(x, C)
    // The mean is rounded once; sums of distances and of their squares round with their length.
    const bounds = expected.map((value, i) => {
      return i < padTo4(C) ? 2 * U * Math.abs(value) + 16 * U : (4 * Math.sqrt(x.length / C) + 8) * U * value
    })
    for (const result of await runTilings(device, contents, (t) => batchNormStatistics(t, shape), { batch: B })) {
      expectWithin(result.statistics, expected, bounds, 'statistics')
      assert.is(bitsOf(result.status)[0], 0)
    }
  })

  gpuTest(forward, `normalises the batch at ${titleOf(one)}`, async ({ device }) => {
    const { x, padded, rows, R, shape } = inputsOf(one)
    const [w, b] = [uniformArray(C, 2, 2), uniformArray(C, 3)]
    const width = one.P * C
    const contents = {
      x: padded,
      statistics: Float32Array.from(statisticsOf(x, C)),
      w: padMatrix(w, 1, C),
      b: padMatrix(b, 1, C),
      y: R * padTo4(width),
    }
    const { y } = await runKernels(device, contents, (t) => batchNormForward(t, shape, 'linear', 'batch'), { batch: B })
    const expected = reference.batchNormForward(x, w, b)
    const bounds = expected.map((value) => 2 * normalError(one, x) + 2 * U * (1 + Math.abs(value)))
    const valid = y.subarray(0, rows * padTo4(width))
    expectWithin(valid, padExpected(expected, rows, width), padExpected(bounds, rows, width), 'y')
  })

  gpuTest(weight, `matches the reference at ${titleOf(one)}`, async ({ device }) => {
    const { x, padded, rows, shape } = inputsOf(one)
    const dy = uniformArray(x.length, 4)
    const width = one.P * C
    const contents = {
      dy: behind(dy, rows, width),
      x: padded,
      statistics: Float32Array.from(statisticsOf(x, C)),
      sums: statisticsWidth(C),
      dw: padTo4(C),
      db: padTo4(C),
    }
    const { dw, db } = reference.batchNormBackward(x, new Float32Array(C).fill(1), dy)
    const count = x.length / C
    const bounds = padExpected(
      [...db.map(() => 4 * Math.sqrt(count) * U * count), ...dw.map(() => count * normalError(one, x))], 2, C,
    )
    const expected = padExpected([...db, ...dw], 2, C)
    const step = { batch: B }
    for (const result of await runTilings(device, contents, (t) => batchNormBackwardWeight(t, shape, 'write'), step)) {
      expectWithin(result.sums, expected, bounds, 'sums')
      expectSame(result.db, result.sums.subarray(0, padTo4(C)), 'db')
      expectSame(result.dw, result.sums.subarray(padTo4(C)), 'dw')
    }
  })

  gpuTest(input, `matches the reference at ${titleOf(one)}`, async ({ device }) => {
    const { x, padded, rows, R, shape } = inputsOf(one)
    const dy = uniformArray(x.length, 4)
    const w = uniformArray(C, 2, 2)
    const width = one.P * C
    const { dx, dw, db } = reference.batchNormBackward(x, w, dy)
    const contents = {
      dy: behind(dy, rows, width),
      x: padded,
      statistics: Float32Array.from(statisticsOf(x, C)),
      w: padMatrix(w, 1, C),
      sums: padMatrix([...db, ...dw], 2, C),
      dx: R * padTo4(width),
    }
    const result = await runKernels(device, contents, (t) => batchNormBackwardInput(t, shape, 'linear'), { batch: B })
    const { biased } = reference.batchStatistics(x, C)
    const expected = new Float64Array(R * width)
    const bounds = new Float64Array(R * width)
    dx.forEach((value, i) => {
      const c = i % C
      const scale = Math.abs(w[c]) / Math.sqrt(biased[c] + 1e-5)
      expected[i] = value
      // |dy| ≤ 1, and the mean of dy · x̂ is at most 1
      bounds[i] = scale * (normalError(one, x) + 8 * 5 * ULP)
    })
    expectWithin(result.dx, padExpected(expected, R, width), padExpected(bounds, R, width), 'dx')
  })
}

for (const poison of [NaN, Infinity]) {
  gpuTest(statistics, `reports a value that is ${poison}, but not in the rows behind the batch`, async ({ device }) => {
    const run = async (row: number) => {
      const x = uniformArray(16 * 8, 1)
      x[row * 8 + 2] = poison
      const contents = { x, statistics: 16, status: new Uint32Array(1) }
      const shape = { B: 16, P: 1, C: 7 }
      const result = await runKernels(device, contents, (t) => batchNormStatistics(t, shape), { batch: 13, slot: 3 })
      return bitsOf(result.status)[0]
    }
    assert.is(await run(12), 253) // the failure of slot 3
    assert.is(await run(13), 0)
  })
}

gpuTest(statistics, 'is exact for a channel of one value all over, and its variance is never negative', async ({ device }) => {
  const x = padMatrix(Float32Array.from({ length: 8 * 3 }, (_, i) => [1e6 + 0.5, 0, 0.1][i % 3]), 8, 3)
  const contents = { x, statistics: 8, status: new Uint32Array(1) }
  const run = runKernels(device, contents, (t) => batchNormStatistics(t, { B: 8, P: 1, C: 3 }), { batch: 8 })
  expectSame((await run).statistics, Float32Array.of(1e6 + 0.5, 0, 0.1, 0, 0, 0, 0, 0), 'statistics')
})

const activations = FUSED_ACTIVATIONS.flatMap((activation) => [{ P: 1, C: 6, activation }, { P: 6, C: 3, activation }])

for (const { P, C, activation } of activations) {
  const width = P * C
  gpuTest(forward, `takes running statistics as they are at P=${P} C=${C} ${activation}`, async ({ device }) => {
    const x = normalArray(8 * width, 1)
    const [mean, w, b] = [uniformArray(C, 2), uniformArray(C, 3, 2), uniformArray(C, 4)]
    const variance = uniformArray(C, 5).map((value) => 1.1 + value)
    const contents = {
      x: padMatrix(x, 8, width),
      statistics: padMatrix([...mean, ...variance], 2, C),
      w: padMatrix(w, 1, C),
      b: padMatrix(b, 1, C),
      y: 8 * padTo4(width),
    }
    const shape = { B: 8, P, C }
    const { y } = await runKernels(device, contents, (t) => batchNormForward(t, shape, activation, 'running'))
    const before = reference.normalize(x, mean, variance, w, b)
    const errors = activationBounds(before, before.map((value) => 64 * U * (1 + Math.abs(value))), activation)
    expectWithin(y, padExpected(activationForward(before, activation), 8, width), padExpected(errors, 8, width), 'y')
  })

  for (const add of [false, true]) {
    const title = `takes the derivative of x ${add ? 'of the sum of gradients ' : ''}at P=${P} C=${C} ${activation}`
    gpuTest(input, title, async ({ device }) => {
      const x = Float32Array.from(activationForward(normalArray(8 * width, 1), activation))
      const [dy, others] = [uniformArray(8 * width, 2), uniformArray(8 * width, 3)]
      const w = uniformArray(C, 4, 2)
      const { dx, dw, db } = reference.batchNormBackward(x, w, dy)
      const contents = {
        dy: padMatrix(dy, 8, width),
        x: padMatrix(x, 8, width),
        statistics: Float32Array.from(statisticsOf(x, C)),
        w: padMatrix(w, 1, C),
        sums: padMatrix([...db, ...dw], 2, C),
        dx: padMatrix(others, 8, width),
      }
      const shape = { B: 8, P, C }
      const dispatch = (t: Parameters<typeof batchNormBackwardInput>[0]) => {
        return batchNormBackwardInput(t, shape, activation, { add })
      }
      const result = await runKernels(device, contents, dispatch, { batch: 8 })
      const sum = dx.map((value, i) => value + (add ? others[i] : 0))
      const { biased } = reference.batchStatistics(x, C)
      const bounds = sum.map((_, i) => (100 * U * Math.abs(w[i % C])) / Math.sqrt(biased[i % C] + 1e-5) + 8 * U)
      const expected = padExpected(activationBackward(x, sum, activation), 8, width)
      expectWithin(result.dx, expected, padExpected(bounds, 8, width), 'dx')
    })
  }
}

gpuTest(weight, 'adds to what a layer’s other use left, or leaves a frozen layer alone', async ({ device }) => {
  const [B, C] = [8, 6]
  const [x, dy] = [normalArray(B * C, 1), uniformArray(B * C, 2)]
  const contents = {
    dy: padMatrix(dy, B, C),
    x: padMatrix(x, B, C),
    statistics: Float32Array.from(statisticsOf(x, C)),
    sums: statisticsWidth(C),
    dw: padMatrix(new Float32Array(C).fill(100), 1, C),
    db: padMatrix(new Float32Array(C).fill(-100), 1, C),
  }
  const shape = { B, P: 1, C }
  const [frozen, added] = await Promise.all((['none', 'add'] as const).map((gradients) => {
    return runKernels(device, contents, (t) => batchNormBackwardWeight(t, shape, gradients), { batch: B })
  }))
  expectSame(frozen.dw, contents.dw, 'dw of a frozen layer')
  expectSame(frozen.db, contents.db, 'db of a frozen layer')
  const plus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + b[i])
  expectSame(added.db, plus(contents.db, added.sums.subarray(0, 8)), 'db')
  expectSame(added.dw, plus(contents.dw, added.sums.subarray(8)), 'dw')
  expectSame(frozen.sums, added.sums, 'sums')
})

/** What lies where in stacked batches: vectors and images, channels whole vec4s and not, few rows and many. */
const stacks = [
  { B: 5, P: 1, C: 7, batches: 3 },
  { B: 13, P: 6, C: 3, batches: 2 },
  { B: 3, P: 35, C: 8, batches: 3, samples: 2 },
]

for (const { B, P, C, batches, samples = 1 } of stacks) {
  const [rows, width] = [padRows(B * samples), P * C]
  const title = `B=${B}${samples > 1 ? ` samples=${samples}` : ''} P=${P} C=${C}`
  const step = { batch: B }

  gpuTest(statistics, `stacked batches are what each is alone at ${title}`, async ({ device }) => {
    const size = statisticsWidth(C)
    const apart = size + 8
    const row = rows * padTo4(width)
    const stack = (seed: number) => {
      const values = Array.from({ length: batches }, (_, u) => [...uniformArray(rows * width, seed + u, u + 1)])
      return padMatrix(values.flat(), batches * rows, width)
    }
    const [x, dy] = [stack(10), stack(20)]
    const [w, b] = [padMatrix(uniformArray(C, 2, 2), 1, C), padMatrix(uniformArray(C, 3), 1, C)]
    const contentsOf = (from: number, count: number) => ({
      x: x.slice(from * row, (from + count) * row),
      dy: dy.slice(from * row, (from + count) * row),
      w,
      b,
      statistics: (count - 1) * apart + size,
      status: new Uint32Array(1),
      y: count * row,
      sums: count * size,
      dw: padTo4(C),
      db: padTo4(C),
      dx: count * row,
    })
    const dispatches = (count: number) => (t: Record<keyof ReturnType<typeof contentsOf>, PlanTensor>) => {
      const shape = { B: count * rows, P, C, samples, batches: count, apart }
      return [
        batchNormStatistics(t, shape),
        batchNormForward(t, shape, 'relu', 'batch'),
        batchNormBackwardWeight(t, shape, 'write'),
        batchNormBackwardInput(t, shape, 'tanh'),
      ]
    }
    const together = await runKernels(device, contentsOf(0, batches), dispatches(batches), step)
    const sums = { dw: new Float32Array(padTo4(C)), db: new Float32Array(padTo4(C)) }
    for (let u = 0; u < batches; u++) {
      const alone = await runKernels(device, contentsOf(u, 1), dispatches(1), step)
      const part = (values: Float32Array, every: number, size: number) => values.subarray(u * every, u * every + size)
      expectSame(part(together.statistics, apart, size), alone.statistics, `statistics of batch ${u}`)
      expectSame(part(together.y, row, row), alone.y, `y of batch ${u}`)
      expectSame(part(together.sums, size, size), alone.sums, `sums of batch ${u}`)
      expectSame(part(together.dx, row, row), alone.dx, `dx of batch ${u}`)
      for (const name of ['dw', 'db'] as const) sums[name].forEach((_, c) => (sums[name][c] += alone[name][c]))
    }
    expectSame(together.dw, sums.dw, 'dw')
    expectSame(together.db, sums.db, 'db')
  })
}

gpuTest(running, 'moves every layer by its uses in the order that is asked for', async ({ device }) => {
  const N = 2 * 64
  const [before, batch] = [uniformArray(N, 1), uniformArray(3 * N, 2)]
  const uses = [{ use: 2, first: 64, count: 64 }, { use: 0, first: 0, count: N }, { use: 1, first: 64, count: 64 }]
  const contents = { batch, running: before, status: new Uint32Array(1) }
  const result = await runKernels(device, contents, (t) => batchNormRunning(t, uses))
  const expected = Float64Array.from(before, (value, i) => {
    const seen = (i < 64 ? [0] : [2, 0, 1]).map((use) => batch[use * N + i])
    return seen.reduce((sum, next) => reference.moveRunning([sum], [next])[0], value)
  })
  expectWithin(result.running, expected, expected.map(() => 8 * U), 'running')
})

gpuTest(running, 'moves every layer by its uses in order', async ({ device }) => {
  const N = 3 * 64
  const [before, batch] = [uniformArray(N, 1), uniformArray(3 * N, 2)]
  const uses = [
    { use: 0, first: 0, count: N }, { use: 1, first: 64, count: 128 }, { use: 2, first: 128, count: 64 },
  ]
  const contents = { batch, running: before, status: new Uint32Array(1) }
  const result = await runKernels(device, contents, (t) => batchNormRunning(t, uses))
  const expected = Float64Array.from(before, (value, i) => {
    const seen = uses.map((_, u) => batch[u * N + i]).slice(0, 1 + Math.floor(i / 64))
    return seen.reduce((sum, next) => reference.moveRunning([sum], [next])[0], value)
  })
  expectWithin(result.running, expected, expected.map(() => 8 * U), 'running')
})

gpuTest(running, 'moves one use alone, and all of a long range with few workgroups', async ({ device }) => {
  const N = 5 * 64
  const [before, batch] = [uniformArray(N, 1), uniformArray(N, 2)]
  const contents = { batch, running: before, status: new Uint32Array(1) }
  const result = await runKernels(device, contents, (t) => {
    return { ...batchNormRunning(t, [{ use: 0, first: 0, count: N }]), grid: [1, 1, 1] }
  })
  expectWithin(result.running, reference.moveRunning(before, batch), new Float64Array(N).fill(4 * U), 'running')
})

gpuTest(running, 'moves nothing after a step that failed', async ({ device }) => {
  const before = uniformArray(64, 1)
  const contents = { batch: uniformArray(64, 2), running: before, status: Uint32Array.of(256) }
  const result = await runKernels(device, contents, (t) => batchNormRunning(t, [{ use: 0, first: 0, count: 64 }]))
  expectSame(result.running, before, 'running')
})

statistics.run()
forward.run()
weight.run()
input.run()
running.run()
