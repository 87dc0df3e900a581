import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { Executable } from '../../src/schedule/executable.js'
import { Plan } from '../../src/schedule/plan.js'
import type { BenchContext } from './context.js'
import type { Work } from './timing.js'

/** Where a tensor lies; the offset counts elements. */
export interface Place {
  buffer: GPUBuffer
  offset: number
}

/** Makes every dispatch launchable by itself, on buffers of the caller's. */
export function launches(
  { device: { device }, pipelines, uniform }: BenchContext,
  dispatches: readonly Dispatch[],
  placeOf: (tensor: PlanTensor) => Place,
): Promise<Work[]> {
  return Promise.all(
    dispatches.map(async (dispatch) => {
      const bindings: Record<string, PlanTensor> = {}
      const buffers: Record<string, GPUBuffer> = {}
      for (const [name, tensor] of Object.entries(dispatch.bindings)) {
        const { buffer, offset } = placeOf(tensor)
        bindings[name] = { ...tensor, storage: name, offset }
        buffers[name] = buffer
      }
      const plan = new Plan([{ ...dispatch, bindings }], [], [], {})
      const executable = await Executable.create({ device, pipelines, uniform }, plan)
      executable.bind(buffers)
      const work: Work = (pass) => executable.encodeSlice(pass, 0)
      return work
    }),
  )
}

/** A buffer that kernels use and the host reads and writes. */
export function storageBuffer({ device: { device } }: BenchContext, label: string, size: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  return device.createBuffer({ label, size, usage })
}
