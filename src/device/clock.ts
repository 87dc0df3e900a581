import { scoped } from './faults.js'
import { BufferUsage, MAP_READ } from './flags.js'
import { allocate } from './memory.js'

/** Times compute passes: by the GPU's own timestamps where the device has them, else by the clock until completion. */
export class GpuClock {
  private readonly queries: GPUQuerySet | undefined
  private readonly resolved: GPUBuffer | undefined
  private readonly staging: GPUBuffer | undefined

  constructor(private readonly device: GPUDevice) {
    if (!device.features.has('timestamp-query')) return
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ: readable } = BufferUsage
    this.queries = device.createQuerySet({ label: 'clock', type: 'timestamp', count: 2 })
    this.resolved = allocate(device, { label: 'clock', size: 16, usage: QUERY_RESOLVE | COPY_SRC })
    this.staging = allocate(device, { label: 'clock.readback', size: 16, usage: readable | COPY_DST })
  }

  /**
   * Milliseconds of one pass, quantised by browsers to 0.1: repeat short work inside it. Calls must not overlap.
   * @throws KernelError, MemoryError with the GPU's words when it refuses the work
   */
  async time(encode: (pass: GPUComputePassEncoder) => void): Promise<number> {
    const { device, staging } = this
    const start = performance.now()
    const { result: finished, fault } = scoped(device, 'timing a kernel', () => {
      this.submit(encode)
      return staging ? staging.mapAsync(MAP_READ) : device.queue.onSubmittedWorkDone()
    })
    const elapsed = finished.then(() => performance.now() - start)
    elapsed.catch(() => {}) // what the GPU refused is told first
    const refused = await fault
    if (refused) {
      staging?.unmap()
      throw refused
    }
    const elapsedMs = await elapsed
    if (!staging) return elapsedMs
    const [begin, end] = new BigUint64Array(staging.getMappedRange())
    staging.unmap()
    return Number(end - begin) / 1e6
  }

  destroy(): void {
    this.queries?.destroy()
    this.resolved?.destroy()
    this.staging?.destroy()
  }

  private submit(encode: (pass: GPUComputePassEncoder) => void): void {
    const { device, queries, resolved, staging } = this
    const encoder = device.createCommandEncoder({ label: 'clock' })
    const timestampWrites = queries && { querySet: queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 }
    const pass = encoder.beginComputePass({ label: 'clock', timestampWrites })
    encode(pass)
    pass.end()
    if (queries && resolved && staging) {
      encoder.resolveQuerySet(queries, 0, 2, resolved, 0)
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16)
    }
    device.queue.submit([encoder.finish()])
  }
}
