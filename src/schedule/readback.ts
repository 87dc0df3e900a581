import { scoped } from '../device/faults.js'
import { BufferUsage, MAP_READ } from '../device/flags.js'
import { allocate, allocated } from '../device/memory.js'

/** A part of a GPU buffer to copy to the host. */
export interface ReadRange {
  buffer: GPUBuffer
  offsetBytes: number
  sizeBytes: number
}

/** Mapped ranges begin at multiples of 8 bytes, copies at multiples of 4. */
const ALIGNMENT = 8

/** Staging buffers kept: so many, and so many bytes together. */
const MOST_FREE = 8
const MOST_FREE_BYTES = 2 ** 26

/** Reads GPU memory; its staging buffers are kept for the next call. */
export class Readback {
  private readonly free: GPUBuffer[] = []
  private destroyed = false

  constructor(private readonly device: GPUDevice) {}

  /**
   * Submits the encoder's work, then copies the ranges to the host, one after another in one array. All are copied at
   * one point of the queue, into several staging buffers where one would be larger than the device allows.
   * @throws KernelError, MemoryError with the GPU's words when it refuses the work
   */
  async read(encoder: GPUCommandEncoder, ranges: readonly ReadRange[]): Promise<Float32Array<ArrayBuffer>> {
    const { device } = this
    const sizeBytes = ranges.reduce((sum, range) => sum + range.sizeBytes, 0)
    const most = Math.floor(device.limits.maxBufferSize / ALIGNMENT) * ALIGNMENT
    const { result, fault } = scoped(device, `reading ${encoder.label || 'results'} back`, () => {
      const stagings: Piece[] = []
      for (let at = 0; at < sizeBytes; at += most) {
        const size = Math.min(most, sizeBytes - at)
        stagings.push({ staging: this.take(size), firstByte: at, sizeBytes: size })
      }
      copyRanges(encoder, ranges, stagings)
      device.queue.submit([encoder.finish()])
      const mapped = stagings.map(({ staging, sizeBytes: size }) => staging.mapAsync(MAP_READ, 0, size))
      return { pieces: stagings, arrived: Promise.all(mapped) }
    })
    const { pieces, arrived } = result
    arrived.catch(() => {}) // what the GPU refused is told first
    const data = new Uint8Array(sizeBytes)
    try {
      await allocated(pieces.map(({ staging }) => staging))
      const refused = await fault
      if (refused) throw refused
      await arrived
      for (const { staging, firstByte, sizeBytes: size } of pieces) {
        data.set(new Uint8Array(staging.getMappedRange(0, size)), firstByte)
      }
    } catch (error) {
      for (const { staging } of pieces) staging.destroy()
      throw error
    }
    for (const { staging } of pieces) {
      staging.unmap()
      this.giveBack(staging)
    }
    return new Float32Array(data.buffer)
  }

  /** Frees the staging buffers, those under way once they are back. */
  destroy(): void {
    this.destroyed = true
    for (const staging of this.free.splice(0)) staging.destroy()
  }

  /** The smallest free buffer that fits; one much too large is left for others. */
  private take(sizeBytes: number): GPUBuffer {
    const fits = this.free.filter(({ size }) => size >= sizeBytes && size <= 4 * sizeBytes + 65536)
    const best = fits.sort((a, b) => a.size - b.size)[0]
    if (best) {
      this.free.splice(this.free.indexOf(best), 1)
      return best
    }
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
    return allocate(this.device, { label: 'readback', size: sizeBytes, usage })
  }

  private giveBack(staging: GPUBuffer): void {
    this.free.push(staging)
    while (this.isTooMuch) this.free.shift()!.destroy()
  }

  private get isTooMuch(): boolean {
    const { free } = this
    if (this.destroyed) return free.length > 0
    return free.length > MOST_FREE || free.reduce((sum, { size }) => sum + size, 0) > MOST_FREE_BYTES
  }
}

/** A staging buffer for a share of the bytes. */
interface Piece {
  staging: GPUBuffer
  firstByte: number
  sizeBytes: number
}

function copyRanges(encoder: GPUCommandEncoder, ranges: readonly ReadRange[], pieces: readonly Piece[]): void {
  let at = 0
  for (const { buffer, offsetBytes, sizeBytes } of ranges) {
    for (const { staging, firstByte, sizeBytes: pieceBytes } of pieces) {
      const from = Math.max(at, firstByte)
      const end = Math.min(at + sizeBytes, firstByte + pieceBytes)
      if (from < end) encoder.copyBufferToBuffer(buffer, offsetBytes + from - at, staging, from - firstByte, end - from)
    }
    at += sizeBytes
  }
}
