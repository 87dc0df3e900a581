import { BufferUsage } from '../device/flags.js'
import { allocate, allocated } from '../device/memory.js'

/** A copy of some buffers on the GPU, as they were at one point of its queue. */
export class BufferCopies {
  private readonly copies: GPUBuffer[] = []

  private constructor(private readonly originals: readonly GPUBuffer[]) {}

  /** @throws MemoryError when the GPU has no room for it */
  static async create(device: GPUDevice, originals: readonly GPUBuffer[]): Promise<BufferCopies> {
    const made = new BufferCopies(originals)
    try {
      for (const { label, size } of originals) {
        const usage = BufferUsage.COPY_SRC | BufferUsage.COPY_DST
        made.copies.push(allocate(device, { label: `snapshot of ${label}`, size, usage }))
      }
      await allocated(made.copies)
      return made
    } catch (error) {
      made.destroy()
      throw error
    }
  }

  /** Takes the copy, of what the buffers hold after all that was submitted before the encoder. */
  take(encoder: GPUCommandEncoder): void {
    this.originals.forEach((buffer, i) => encoder.copyBufferToBuffer(buffer, 0, this.copies[i], 0, buffer.size))
  }

  /** Puts back what was taken. */
  restore(encoder: GPUCommandEncoder): void {
    this.originals.forEach((buffer, i) => encoder.copyBufferToBuffer(this.copies[i], 0, buffer, 0, buffer.size))
  }

  destroy(): void {
    for (const copy of this.copies) copy.destroy()
  }
}
