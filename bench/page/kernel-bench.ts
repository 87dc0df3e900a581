import { kernels } from 'elbo:kernels'
import type { KernelResult, Timing } from '../results.js'
import { casesOf, shapeOf, type Case, type PresetPlan } from './cases.js'
import { scoped, type BenchContext } from './context.js'
import { naiveDispatches } from './naive.js'
import { SingleRun } from './single-run.js'
import { pairedRatio } from './timing.js'
import { valuesOf } from '../../test/reference/kernels/values.js'
import { bytesOf } from './traffic.js'

/** Kernels that a quick run times, at the largest shape of each. */
const QUICK = ['dense_forward', 'dense_backward', 'optimizer_update', 'bce_loss', 'batch_gather']

/** Verifies and times every kernel of the plans, and the naive ones beside those that have some. */
export async function benchKernels(bench: BenchContext, plans: readonly PresetPlan[]) {
  const all = casesOf(plans, bench.ability)
  const chosen = all.filter(({ dispatches, shape }, i) => {
    if (!dispatches.some(({ kernel }) => `${kernel} ${shape}`.includes(bench.options.filter))) return false
    const [{ kernel }] = dispatches
    const isLargest = kernel !== all[i - 1]?.dispatches[0].kernel
    return !bench.options.quick || (isLargest && QUICK.includes(kernel))
  })
  const results: KernelResult[] = []
  const naive: KernelResult[] = []
  for (const one of chosen) {
    bench.progress(`${one.dispatches[0].kernel} ${one.shape}`)
    const rows = await scoped(bench, () => benchCase(bench, one))
    results.push(...rows.filter(({ kernel }) => !kernel.endsWith('_naive')))
    naive.push(...rows.filter(({ kernel }) => kernel.endsWith('_naive')))
  }
  const launchable = casesOf(plans, { ...bench.ability, hardwareTilings: true })
  const covered = new Set(launchable.flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel)))
  const uncovered = Object.keys(kernels).filter((name) => !name.endsWith('_naive') && !covered.has(name))
  return { kernels: [...results, ...withoutRepeats(naive)], uncovered }
}

/** A row for every tiling, then those of the naive counterparts. */
async function benchCase(bench: BenchContext, { dispatches, batch, presets }: Case): Promise<KernelResult[]> {
  const naive = naiveDispatches(dispatches[0])
  const all = [...dispatches, ...naive]
  const run = await SingleRun.create(bench, all, batch)
  try {
    const rows: KernelResult[] = []
    for (const [i, one] of all.entries()) {
      const { kernel, flops } = one
      const check = await run.check(i)
      rows.push({ kernel, shape: shapeOf(one), presets, constants: valuesOf(one), flops, bytes: bytesOf(one), check })
    }
    const right = rows.filter(({ check }) => check.state !== 'failed')
    const timings = await bench.timer.measure(right.map((row) => run.works[rows.indexOf(row)]))
    for (const [i, row] of right.entries()) Object.assign(row, withRate(row, timings[i]))
    const yardsticks = rows.slice(dispatches.length).flatMap(({ timing }) => timing ?? [])
    if (naive.length > 0 && yardsticks.length === naive.length) {
      for (const row of rows.slice(0, dispatches.length)) row.naiveRatio = row.timing && ratioOf(yardsticks, row.timing)
    }
    return rows
  } finally {
    run.destroy()
  }
}

/** Time of all naive kernels together over that of the one they stand for. */
function ratioOf(slow: readonly Timing[], fast: Timing): number {
  const samplesMs = fast.samplesMs.map((_, i) => slow.reduce((sum, timing) => sum + timing.samplesMs[i], 0))
  return pairedRatio({ ...slow[0], samplesMs }, fast)
}

/** GFLOP/s for matrix kernels, GB/s for the others. */
export function withRate({ flops, bytes }: { flops: number; bytes: number }, timing: Timing) {
  const perSecond = 1000 / timing.medianMs / 1e9
  return { timing, ...(flops > 0 ? { gflops: flops * perSecond } : { gigabytes: bytes * perSecond }) }
}

/** Several dispatches may share a naive counterpart at one shape: the first row stays. */
function withoutRepeats(rows: KernelResult[]): KernelResult[] {
  const key = ({ kernel, constants }: KernelResult) => `${kernel} ${JSON.stringify(constants)}`
  return rows.filter((row, i) => rows.findIndex((other) => key(other) === key(row)) === i)
}
