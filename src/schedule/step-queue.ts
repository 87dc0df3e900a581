import { BufferUsage, MAP_READ } from '../device/flags.js'
import type { PlanTensor } from '../ops/dispatch.js'
import type { Executable } from './executable.js'
import { MOST_STEPS, type StepUniform, type StepValues } from './step.js'

/** Submissions under way at once: enough to keep the GPU busy, few enough to stop soon and to bound memory. */
export const MOST_IN_FLIGHT = 3

/**
 * What a submission's steps left in the loss ring.
 * @param losses `[steps, 2, B]`: reconstruction, then KL, of every image; only valid during the call.
 * @param failed a loss or gradient was not finite: from then on no step has changed the parameters.
 */
export type StepReport = (losses: Float32Array, failed: boolean) => void

/** Encodes whole steps, several a submission, and reads their losses back without ever making the GPU wait. */
export class StepQueue {
  private readonly free: GPUBuffer[] = []
  private readonly waiting: (() => void)[] = []
  private readonly stepBytes: number
  private pending = 0
  private encoded = 0

  constructor(
    private readonly device: GPUDevice,
    private readonly executable: Executable,
    private readonly uniform: StepUniform,
    private readonly tensors: { losses: PlanTensor; status: PlanTensor },
  ) {
    this.stepBytes = (4 * tensors.losses.elements) / MOST_STEPS
    for (let i = 0; i < MOST_IN_FLIGHT; i++) {
      const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
      const size = 4 * tensors.losses.elements + 4
      this.free.push(device.createBuffer({ label: 'losses.readback', size, usage }))
    }
    device.queue.writeBuffer(executable.buffer(tensors.status), 0, new Uint32Array(1))
  }

  /** Submissions under way. */
  get inFlight(): number {
    return this.pending
  }

  /** Adds a step to the coming submission, which holds at most `MOST_STEPS`. */
  add(values: Omit<StepValues, 'slot'>): void {
    this.uniform.set(this.encoded, { ...values, slot: this.encoded })
    this.encoded++
  }

  /** Waits until a submission may be made. */
  async ready(): Promise<void> {
    while (this.free.length === 0) await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  /** Submits the added steps. Call only after `ready`, in the same turn as the `add`s. */
  submit(report: StepReport): Promise<void> {
    const staging = this.free.pop()!
    const count = this.encoded
    const lossBytes = count * this.stepBytes
    this.encoded = 0
    this.pending++
    this.uniform.upload(count)
    const encoder = this.device.createCommandEncoder({ label: 'steps' })
    const pass = encoder.beginComputePass({ label: 'steps' })
    for (let i = 0; i < count; i++) this.executable.encode(pass, i)
    pass.end()
    encoder.copyBufferToBuffer(this.executable.buffer(this.tensors.losses), 0, staging, 0, lossBytes)
    encoder.copyBufferToBuffer(this.executable.buffer(this.tensors.status), 0, staging, lossBytes, 4)
    this.device.queue.submit([encoder.finish()])
    return this.collect(staging, lossBytes, report)
  }

  destroy(): void {
    for (const staging of this.free) staging.destroy()
  }

  private async collect(staging: GPUBuffer, lossBytes: number, report: StepReport): Promise<void> {
    try {
      await staging.mapAsync(MAP_READ, 0, lossBytes + 4)
      const mapped = staging.getMappedRange(0, lossBytes + 4)
      const failed = new Uint32Array(mapped, lossBytes, 1)[0] !== 0
      report(new Float32Array(mapped, 0, lossBytes / 4), failed)
      staging.unmap()
    } finally {
      this.pending--
      this.free.push(staging)
      this.waiting.shift()?.()
    }
  }
}
