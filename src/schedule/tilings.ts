import type { Dispatch, Tiling } from '../ops/dispatch.js'
import type { ScheduleContext } from './context.js'
import { Launch, type Memory } from './launch.js'
import { Plan } from './plan.js'

/**
 * The plan with the fastest tiling of every dispatch that offers several; the same work is timed once.
 *
 * Timing runs a dispatch many times over before the plan's first step, also one that adds to what is there. Activations
 * and gradients do not mind: a step writes them before it adds to them. A kernel that changes what outlives a step
 * (parameters, moments, running statistics) must offer no tilings.
 */
export async function withTilings(context: ScheduleContext, plan: Plan, memory: Memory): Promise<Plan> {
  const { device, isSoftware, pipelines, tuner } = context
  if (!tuner || !plan.dispatches.some(({ tilings }) => tilings)) return plan
  const dispatches: Dispatch[] = []
  for (const [place, dispatch] of plan.dispatches.entries()) {
    const candidates = tilingsOf(dispatch, device, isSoftware).map((tiling) => ({
      kernel: labelOf(tiling),
      prepare: async () => {
        const pipeline = await pipelines.get(tiling.kernel, tiling.constants)
        const launch = new Launch(device, { ...dispatch, ...tiling }, place, pipeline, memory)
        return (pass: GPUComputePassEncoder) => launch.encode(pass, 0)
      },
    }))
    const chosen = candidates.length > 1 ? await tuner.choose(workOf(dispatch), candidates) : dispatch.kernel
    dispatches.push(withTiling(dispatch, chosen))
  }
  await tuner.remember()
  return new Plan(dispatches, plan.sections, plan.buffers, plan.storages)
}

/** The fixed choice first, then the tilings that the device can run, and may run well. */
function tilingsOf(dispatch: Dispatch, { features }: GPUDevice, isSoftware: boolean): Tiling[] {
  const { kernel, constants, grid, tilings = [] } = dispatch
  const able = tilings.filter(({ requires, hardwareOnly }) => {
    return (!requires || features.has(requires)) && !(hardwareOnly && isSoftware)
  })
  return [{ kernel, constants, grid }, ...able]
}

function withTiling(dispatch: Dispatch, label: string): Dispatch {
  const tiling = dispatch.tilings?.find((candidate) => labelOf(candidate) === label)
  if (!tiling) return dispatch
  const { kernel, constants, grid } = tiling
  return { ...dispatch, kernel, constants, grid }
}

function labelOf({ kernel, variant }: Tiling): string {
  return variant ? `${kernel} ${variant}` : kernel
}

/** What is timed: the fixed kernel's name stands for the family. */
function workOf({ kernel, shape }: Dispatch): string {
  return `${kernel} ${shape}`
}
