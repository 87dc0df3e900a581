import { stepLayout } from 'elbo:kernels'
import { BufferUsage } from '../device/flags.js'
import { allocate } from '../device/memory.js'

/** Distance between the slices of two steps: WebGPU's largest required alignment of dynamic uniform offsets. */
export const STEP_STRIDE_BYTES = 256

/** Most steps that one submission may hold. */
export const MOST_STEPS = 256

/** What changes from step to step; the members of `shaders/lib/step.wgsl`. */
export interface StepValues {
  /** Images of this step, or of this slice of it. */
  batch: number
  /** Where in the ring its losses go. */
  slot: number
  /** First entry of the order that it reads. */
  cursor: number
  /** The first image's place in its batch, where a batch runs in slices. */
  row: number
  /** Rows of the noise stream before the batch's: those of its earlier draws, 0 unless given. */
  noiseRows?: number
  /** Position in the noise stream. */
  counter: number
  /** Key of the noise stream. */
  seed: readonly [number, number]
  /** 1 / images that the loss averages over. */
  scale: number
  klWeight: number
  rate: number
  rootScale: number
  keep: number
}

/** The uniform of up to `MOST_STEPS` steps, written once a submission. */
export class StepUniform {
  readonly buffer: GPUBuffer
  private readonly bytes = new ArrayBuffer(MOST_STEPS * STEP_STRIDE_BYTES)
  private readonly view = new DataView(this.bytes)

  constructor(private readonly device: GPUDevice) {
    const usage = BufferUsage.UNIFORM | BufferUsage.COPY_DST
    this.buffer = allocate(device, { label: 'step', size: this.bytes.byteLength, usage })
  }

  /** Sets the slice of one step of the coming submission. */
  set(index: number, values: StepValues): void {
    const at = index * STEP_STRIDE_BYTES
    this.view.setUint32(at + stepLayout.batch, values.batch, true)
    this.view.setUint32(at + stepLayout.slot, values.slot, true)
    this.view.setUint32(at + stepLayout.cursor, values.cursor, true)
    this.view.setUint32(at + stepLayout.row, values.row, true)
    this.view.setUint32(at + stepLayout.noise_row, values.row + (values.noiseRows ?? 0), true)
    this.view.setUint32(at + stepLayout.counter, values.counter, true)
    this.view.setUint32(at + stepLayout.seed, values.seed[0], true)
    this.view.setUint32(at + stepLayout.seed + 4, values.seed[1], true)
    this.view.setFloat32(at + stepLayout.scale, values.scale, true)
    this.view.setFloat32(at + stepLayout.kl_weight, values.klWeight, true)
    this.view.setFloat32(at + stepLayout.rate, values.rate, true)
    this.view.setFloat32(at + stepLayout.root_scale, values.rootScale, true)
    this.view.setFloat32(at + stepLayout.keep, values.keep, true)
  }

  /** Sends the first `count` slices; the queue orders this before the next submission. */
  upload(count: number): void {
    this.device.queue.writeBuffer(this.buffer, 0, this.bytes, 0, count * STEP_STRIDE_BYTES)
  }

  destroy(): void {
    this.buffer.destroy()
  }
}
