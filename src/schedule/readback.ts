import { BufferUsage, MAP_READ } from '../device/flags.js'

/** A part of a GPU buffer to copy to the host. */
export interface ReadRange {
  buffer: GPUBuffer
  offsetBytes: number
  sizeBytes: number
}

/** Reads GPU memory; its staging buffers are kept for the next call. */
export class Readback {
  private readonly free: GPUBuffer[] = []

  constructor(private readonly device: GPUDevice) {}

  /** Submits the encoder's work, then copies the ranges to the host, one after another in one array. */
  async read(encoder: GPUCommandEncoder, ranges: readonly ReadRange[]): Promise<Float32Array<ArrayBuffer>> {
    const sizeBytes = ranges.reduce((sum, range) => sum + range.sizeBytes, 0)
    const staging = this.take(sizeBytes)
    let at = 0
    for (const range of ranges) {
      encoder.copyBufferToBuffer(range.buffer, range.offsetBytes, staging, at, range.sizeBytes)
      at += range.sizeBytes
    }
    this.device.queue.submit([encoder.finish()])
    await staging.mapAsync(MAP_READ, 0, sizeBytes)
    const data = new Float32Array(staging.getMappedRange(0, sizeBytes).slice(0))
    staging.unmap()
    this.free.push(staging)
    return data
  }

  destroy(): void {
    for (const staging of this.free) staging.destroy()
  }

  /** The smallest free buffer that fits; one much too large is left for others. */
  private take(sizeBytes: number): GPUBuffer {
    const fits = this.free.filter(({ size }) => size >= sizeBytes && size <= 4 * sizeBytes + 65536)
    const best = fits.sort((a, b) => a.size - b.size)[0]
    if (best) {
      this.free.splice(this.free.indexOf(best), 1)
      return best
    }
    if (this.free.length >= 8) this.free.shift()!.destroy()
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
    return this.device.createBuffer({ label: 'readback', size: sizeBytes, usage })
  }
}
