import type { Ceilings, Profile } from '../results.js'
import { shapeOf, type PresetPlan } from './cases.js'
import { scoped, type BenchContext } from './context.js'
import { costOf, workOf } from './cost.js'
import { withRate } from './kernel-bench.js'
import { PlanRunner } from './plan-runner.js'
import { bytesOf } from './traffic.js'

/** Every dispatch of a training step by itself, in its chosen tiling and the plan's buffers, beside the whole step. */
export function profilePlan(
  bench: BenchContext,
  { preset, plan, batch }: PresetPlan,
  ceilings: Ceilings,
): Promise<Profile> {
  return scoped(bench, async () => {
    const runner = await PlanRunner.create(bench, plan, batch)
    try {
      await runner.run(runner.step)
      const [step, ...timings] = await bench.timer.measure([runner.step, ...runner.parts])
      await runner.checkStatus()
      const sumMs = timings.reduce((sum, { medianMs }) => sum + medianMs, 0)
      const rows = runner.plan.dispatches.map((dispatch, i) => ({
        section: plan.sections.find(({ first, count }) => i >= first && i < first + count)?.name ?? '',
        kernel: dispatch.kernel,
        shape: shapeOf(dispatch),
        share: timings[i].medianMs / sumMs,
        ...withRate({ flops: dispatch.flops, bytes: bytesOf(dispatch) }, timings[i]),
        cost: costOf(workOf([dispatch]), ceilings, timings[i].medianMs),
      }))
      return { preset, batch, rows, step, sumMs, cost: costOf(workOf(plan.dispatches), ceilings, step.medianMs) }
    } finally {
      runner.destroy()
    }
  })
}
