import { relativeError } from '../../test/reference/compare.js'
import type { Check, NaiveComparison } from '../results.js'
import type { PresetPlan } from './cases.js'
import { scoped, type BenchContext } from './context.js'
import { naivePlan } from './naive.js'
import { PlanRunner } from './plan-runner.js'
import { pairedRatio } from './timing.js'

/** The step of a dense preset against the same step from naive kernels, taking turns. */
export function compareWithNaive(bench: BenchContext, { plan, batch }: PresetPlan): Promise<NaiveComparison> {
  return scoped(bench, async () => {
    const tiledRunner = await PlanRunner.create(bench, plan, batch)
    const naiveRunner = await PlanRunner.create(bench, naivePlan(plan), batch)
    try {
      const check = await compareSteps(tiledRunner, naiveRunner)
      if (check.state === 'failed') throw new Error(`the naive step differs from the tiled one: ${check.detail}`)
      const [tiled, naive] = await bench.timer.measure([tiledRunner.step, naiveRunner.step])
      await tiledRunner.checkStatus()
      await naiveRunner.checkStatus()
      return { tiled, naive, ratio: pairedRatio(naive, tiled), dispatches: naiveRunner.plan.dispatches.length, check }
    } finally {
      tiledRunner.destroy()
      naiveRunner.destroy()
    }
  })
}

/** Both steps from the same weights must leave the same gradients and losses; float32 sums differ by their order. */
async function compareSteps(tiled: PlanRunner, naive: PlanRunner): Promise<Check> {
  await tiled.run(tiled.step)
  await naive.run(naive.step)
  const found: string[] = []
  for (const [name, bound] of [['gradients', 1e-4], ['losses', 1e-5]] as const) {
    const error = relativeError(await naive.read(name), await tiled.read(name))
    const detail = `${name} differ by ${error.toExponential(1)} of their norm`
    if (!(error <= bound)) return { state: 'failed', detail }
    found.push(detail)
  }
  return { state: 'verified', detail: found.join(', ') }
}
