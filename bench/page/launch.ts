import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { Launch, type Memory } from '../../src/schedule/launch.js'
import type { BenchContext } from './context.js'
import type { Work } from './timing.js'

/** Makes every dispatch launchable by itself. */
export function launches(
  { schedule: { device, pipelines } }: BenchContext,
  dispatches: readonly Dispatch[],
  memory: Memory,
): Promise<Work[]> {
  return Promise.all(
    dispatches.map(async (dispatch, place): Promise<Work> => {
      const pipeline = await pipelines.get(dispatch.kernel, dispatch.constants)
      const launch = new Launch(device, dispatch, place, pipeline, memory)
      return (pass) => launch.encode(pass, 0)
    }),
  )
}

/** A buffer for every tensor, whatever its storage: the dispatches then read and write nothing else. */
export function ownTensors(dispatches: readonly Dispatch[]): Dispatch[] {
  const own = new Map<PlanTensor, PlanTensor>()
  const ownTensor = (tensor: PlanTensor) => {
    if (!own.has(tensor)) own.set(tensor, { ...tensor, offset: 0 })
    return own.get(tensor)!
  }
  return dispatches.map((dispatch) => {
    const bindings = Object.entries(dispatch.bindings).map(([name, tensor]) => [name, ownTensor(tensor)])
    return { ...dispatch, bindings: Object.fromEntries(bindings) as Dispatch['bindings'] }
  })
}

/** A buffer that kernels use and the host reads and writes. */
export function storageBuffer({ schedule: { device } }: BenchContext, label: string, size: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  return device.createBuffer({ label, size, usage })
}
