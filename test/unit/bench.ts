import { kernels } from 'elbo:kernels'
import * as assert from 'uvu/assert'
import { parseOptions } from '../../bench/options.mjs'
import { casesOf } from '../../bench/page/cases.js'
import { costOf, dispatchCostOf, workOf } from '../../bench/page/cost.js'
import { summarize } from '../../bench/page/timing.js'
import { bytesOf } from '../../bench/page/traffic.js'
import { presets } from '../../src/index.js'
import { ParameterArena } from '../../src/model/arena.js'
import { checkSpec } from '../../src/model/check.js'
import { adam } from '../../src/train/optimizers.js'
import { suite } from '../harness/suite.js'
import { caseOf } from '../reference/kernels/cases.js'

const bench = suite('benchmark')

/** A training step of every preset. */
const plans = Object.entries(presets).map(([preset, spec]) => {
  const model = checkSpec(spec)
  const batch = 8
  const input = { type: 'set' as const, count: batch, chunks: [{ first: 0, count: batch }] }
  const request = { batch, input, noise: 'drawn' as const, output: { update: adam() } }
  return { preset, batch, plan: model.compile(request, new ParameterArena(model)).plan }
})

/** The kernels of all rows on an adapter without a single feature. */
const features = new Set() as unknown as GPUSupportedFeatures
const kernelsOf = (hardwareTilings: boolean) =>
  casesOf(plans, { features, hardwareTilings }).flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel))

bench('a step costs its dispatches, its arithmetic and its bytes at the ceilings', () => {
  const rate = (perSecond: number) => ({ name: '', perSecond, timing: summarize([1], 1) })
  const dispatch = dispatchCostOf({ count: 100, samplesMs: [1, 2, 9] }, { count: 1100, samplesMs: [7, 6, 40] }, 1e-3)
  assert.is(dispatch.gpuMs, 5 / 1000)
  const ceilings = { product: rate(2e12), copy: rate(1e9), dispatch }
  const cost = costOf({ dispatches: 20, flops: 6e9, bytes: 500_000 }, ceilings, 5.4)
  assert.ok(Math.abs(cost.dispatchMs - 0.1) < 1e-12)
  assert.equal([cost.arithmeticMs, cost.memoryMs, cost.measuredMs], [3, 0.5, 5.4])
  assert.ok(Math.abs(cost.sumMs - 3.6) < 1e-12 && Math.abs(cost.ratio - 1.5) < 1e-12)
})

bench('empty dispatches that take no time are an error', () => {
  const passes = (count: number) => ({ count, samplesMs: [2, 2, 2] })
  assert.throws(() => dispatchCostOf(passes(10), passes(100), 1e-3), /^100 empty dispatches took 2 ms, 10 of them 2/)
})

bench('the work of a plan is arithmetic where there is some, bytes elsewhere', () => {
  const { plan } = plans.find(({ preset }) => preset === 'mlp')!
  const work = workOf(plan.dispatches)
  const matrix = plan.dispatches.filter(({ flops }) => flops > 0)
  assert.is(work.dispatches, plan.dispatches.length)
  assert.ok(matrix.length > 0 && matrix.length < plan.dispatches.length)
  assert.is(work.flops, matrix.reduce((sum, { flops }) => sum + flops, 0))
  const all = plan.dispatches.reduce((sum, dispatch) => sum + bytesOf(dispatch), 0)
  assert.is(work.bytes, all - matrix.reduce((sum, dispatch) => sum + bytesOf(dispatch), 0))
})

bench('every kernel of the engine is timed, and verified first', () => {
  const timed = new Set(kernelsOf(true))
  const own = Object.keys(kernels).filter((kernel) => !kernel.endsWith('_naive'))
  assert.equal(own.filter((kernel) => !timed.has(kernel)), [])
  assert.equal(own.filter((kernel) => !caseOf({ kernel })), [])
})

bench('tilings for hardware are left out of a run on a software adapter', () => {
  assert.ok(kernelsOf(true).includes('dense_forward_shared'))
  assert.not.ok(kernelsOf(false).includes('dense_forward_shared'))
  assert.ok(kernelsOf(false).includes('dense_forward_wide'))
})

bench('options say where to run and what to leave out', () => {
  const { runtime, buildOnly, allTilings, batches } = parseOptions([])
  assert.equal([runtime, buildOnly, allTilings, batches], ['browser', '', false, [32]])
  const given = parseOptions(['--runtime', 'node', '--peers', '--batches=32,100', '--all-tilings', '--build-only', 'out'])
  assert.equal([given.runtime, given.peers, given.batches, given.allTilings, given.buildOnly],
    ['node', true, [32, 100], true, 'out'])
  assert.throws(() => parseOptions(['--runtime', 'deno']), /^--runtime: there is no "deno"; there are browser, node$/)
  assert.throws(() => parseOptions(['--batches', '32,0']), /^--batches needs a whole number from 1 on, got "0"$/)
})

bench.run()
