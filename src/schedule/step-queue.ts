import { scoped } from '../device/faults.js'
import { BufferUsage, MAP_READ } from '../device/flags.js'
import { allocate, allocated } from '../device/memory.js'
import type { ElboError } from '../errors.js'
import type { PlanTensor } from '../ops/dispatch.js'
import type { Executable } from './executable.js'
import { MOST_STEPS, type StepUniform, type StepValues } from './step.js'

/** Submissions under way at once: enough to keep the GPU busy, few enough to stop soon and to bound memory. */
export const MOST_IN_FLIGHT = 3

/** A step's losses by part, averaged over its images. */
export type StepLoss = Record<string, number>

/**
 * What a submission's steps left behind.
 * @param losses one per step
 * @param failed the first step with a loss or gradient that was not finite: it and those after it changed nothing.
 * @param ring the loss ring, see `meanLosses`; only valid during the call.
 * @param usage how often every code of a vector-quantised model was chosen until then
 */
export type StepReport = (
  losses: StepLoss[],
  failed: number | undefined,
  ring: Float32Array,
  usage: Uint32Array,
) => void

/** What a queue needs of a program. */
export interface QueuedProgram {
  executable: Executable
  /** `[MOST_STEPS, lossNames, rows]` */
  losses?: PlanTensor
  lossNames: readonly string[]
  status?: PlanTensor
  /** Rows of every activation. */
  rows: number
  /** Images of a slice; a step of more runs in several. */
  batch: number
}

/** Encodes whole steps, several a submission, and reads their losses back without ever making the GPU wait. */
export class StepQueue {
  private readonly free: GPUBuffer[] = []
  private readonly waiting: (() => void)[] = []
  private readonly losses: GPUBuffer
  private readonly status: GPUBuffer
  private readonly slotBytes: number
  /** Batch of every slice of the coming submission, step by step. */
  private steps: number[][] = []
  private slices = 0
  /** The last submission's report: the next one's waits for it. */
  private reported: Promise<void> = Promise.resolve()
  private failure: { error: unknown } | undefined
  private destroyed = false

  constructor(
    private readonly device: GPUDevice,
    private readonly uniform: StepUniform,
    private readonly program: QueuedProgram,
    /** Read back with the losses. */
    private readonly usage?: GPUBuffer,
  ) {
    this.losses = program.executable.buffer(program.losses!)
    this.status = program.executable.buffer(program.status!)
    this.slotBytes = (4 * program.losses!.elements) / MOST_STEPS
    const size = MOST_STEPS * this.slotBytes + 4 + this.usageBytes
    try {
      for (let i = 0; i < MOST_IN_FLIGHT; i++) {
        const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
        this.free.push(allocate(device, { label: 'losses.readback', size, usage }))
      }
    } catch (error) {
      this.destroy()
      throw error
    }
    device.queue.writeBuffer(this.status, 0, new Uint32Array(1))
  }

  /** Most steps of that batch that one submission may hold. */
  mostSteps(batch: number): number {
    return Math.floor(MOST_STEPS / Math.ceil(batch / this.program.batch))
  }

  /** Adds a step to the coming submission, in slices where its batch is larger than the program's. */
  add(values: Omit<StepValues, 'slot' | 'row'>): void {
    const batches: number[] = []
    for (let row = 0; row < values.batch; row += this.program.batch) {
      const batch = Math.min(this.program.batch, values.batch - row)
      this.uniform.set(this.slices, { ...values, batch, row, cursor: values.cursor + row, slot: this.slices })
      this.slices++
      batches.push(batch)
    }
    this.steps.push(batches)
  }

  /** Waits until a submission may be made. Rejects once one could not be read or reported. */
  async ready(): Promise<void> {
    while (this.free.length === 0 && !this.failure) await new Promise<void>((resolve) => this.waiting.push(resolve))
    if (this.failure) throw this.failure.error
  }

  /**
   * Submits the added steps. Call only after `ready`, in the same turn as the `add`s.
   * Reports come in the order of submission, whatever order the buffers map in (Firefox maps out of order).
   * @returns resolves after the report; rejects, like every later submission, when the GPU refuses the work, with its
   * words, or when what was computed cannot be read
   */
  submit(report: StepReport): Promise<void> {
    if (this.failure) return Promise.reject(this.failure.error)
    const staging = this.free.pop()!
    const { steps } = this
    const lossBytes = this.slices * this.slotBytes
    const bytes = lossBytes + 4 + this.usageBytes
    const { result: mapped, fault } = scoped(this.device, 'training or evaluation', () => {
      this.encode(staging, lossBytes)
      return staging.mapAsync(MAP_READ, 0, bytes)
    })
    mapped.catch(() => {}) // what the GPU refused is told first
    this.steps = []
    this.slices = 0
    const arrived = this.arrival(this.reported, staging, fault, mapped)
    this.reported = this.collect(arrived, staging, lossBytes, steps, report)
    return this.reported
  }

  /** Frees the buffers; those under way once they are read. */
  destroy(): void {
    this.destroyed = true
    for (const staging of this.free) staging.destroy()
  }

  private get usageBytes(): number {
    return this.usage?.size ?? 0
  }

  private encode(staging: GPUBuffer, lossBytes: number): void {
    this.uniform.upload(this.slices)
    const encoder = this.device.createCommandEncoder({ label: 'steps' })
    const pass = encoder.beginComputePass({ label: 'steps' })
    let slice = 0
    for (const batches of this.steps) {
      this.program.executable.encodeStep(pass, slice, batches.length)
      slice += batches.length
    }
    pass.end()
    encoder.copyBufferToBuffer(this.losses, 0, staging, 0, lossBytes)
    encoder.copyBufferToBuffer(this.status, 0, staging, lossBytes, 4)
    if (this.usage) encoder.copyBufferToBuffer(this.usage, 0, staging, lossBytes + 4, this.usageBytes)
    this.device.queue.submit([encoder.finish()])
  }

  /** Waits until a submission's results are there, after those before it. */
  private async arrival(
    before: Promise<void>,
    staging: GPUBuffer,
    fault: Promise<ElboError | undefined>,
    mapped: Promise<unknown>,
  ): Promise<void> {
    await before
    await allocated([staging])
    const refused = await fault
    if (refused) throw refused
    await mapped
  }

  private async collect(
    arrived: Promise<void>,
    staging: GPUBuffer,
    lossBytes: number,
    steps: number[][],
    report: StepReport,
  ): Promise<void> {
    const bytes = lossBytes + 4 + this.usageBytes
    try {
      await arrived
      const mapped = staging.getMappedRange(0, bytes)
      const failed = failedStep(new Uint32Array(mapped, lossBytes, 1)[0], steps)
      const ring = new Float32Array(mapped, 0, lossBytes / 4)
      const usage = new Uint32Array(mapped.slice(lossBytes + 4))
      report(meanLosses(ring, steps, this.program), failed, ring, usage)
      staging.unmap()
      if (this.destroyed) staging.destroy()
      else this.free.push(staging)
    } catch (error) {
      this.failure ??= { error }
      staging.destroy()
      throw error
    } finally {
      this.waiting.shift()?.()
    }
  }
}

/** The step of the slot that `status` tells, as `failure` in shaders/lib/step.wgsl writes it. */
function failedStep(status: number, steps: readonly number[][]): number | undefined {
  if (status === 0) return undefined
  let slots = MOST_STEPS - status
  return steps.findIndex((batches) => (slots -= batches.length) < 0)
}

/**
 * Sums the loss ring into means over each step's images, in image order and in float64. A slot has every part's values,
 * one per row.
 * @param steps the batches of every step's slices; a slice has a slot
 */
export function meanLosses(
  ring: Float32Array,
  steps: readonly number[][],
  { lossNames, rows }: Pick<QueuedProgram, 'lossNames' | 'rows'>,
): StepLoss[] {
  let at = 0
  return steps.map((batches) => {
    const sums = lossNames.map(() => 0)
    let images = 0
    for (const batch of batches) {
      lossNames.forEach((_, part) => {
        for (let n = 0; n < batch; n++) sums[part] += ring[at + n]
        at += rows
      })
      images += batch
    }
    return Object.fromEntries(lossNames.map((name, part) => [name, sums[part] / images]))
  })
}
