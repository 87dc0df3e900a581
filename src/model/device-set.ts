import type { DeviceContext } from '../device/device.js'
import { BufferUsage } from '../device/flags.js'
import { DataError } from '../errors.js'
import { padTo4 } from '../ops/dispatch.js'
import type { SetChunk } from './request.js'

/** The images of a set, as it matters here: `count` images of `images.length / count` bytes. */
interface ByteImages {
  readonly count: number
  readonly images: Uint8Array | Float32Array
  readonly labels?: Uint8Array
}

/** A data set on the GPU as bytes, images padded to whole words, in as many buffers as the largest binding asks for. */
export class DeviceSet {
  readonly chunks: SetChunk[] = []
  readonly buffers: GPUBuffer[] = []
  private readonly labels: GPUBuffer | undefined

  constructor({ device }: DeviceContext, readonly data: ByteImages) {
    const { images } = data
    if (images instanceof Float32Array) throw new DataError('a set of floats cannot be put on the GPU; pass bytes')
    const size = images.length / data.count
    const stride = padTo4(size)
    const largest = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)
    const most = Math.floor(largest / stride)
    for (let first = 0; first < data.count; first += most) {
      const count = Math.min(most, data.count - first)
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
      const buffer = device.createBuffer({ label: `images.${this.buffers.length}`, size: count * stride, usage })
      const bytes = images.subarray(first * size, (first + count) * size)
      device.queue.writeBuffer(buffer, 0, size === stride ? wholeWords(bytes) : padImages(bytes, size, stride))
      this.chunks.push({ first, count })
      this.buffers.push(buffer)
    }
    if (data.labels) this.labels = labelBuffer(device, data.labels)
  }

  /** The buffers by the plan's names. */
  get storages(): Record<string, GPUBuffer> {
    const images = Object.fromEntries(this.buffers.map((buffer, i) => [`images.${i}`, buffer]))
    return this.labels ? { ...images, labels: this.labels } : images
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy()
    this.labels?.destroy()
  }
}

function labelBuffer(device: GPUDevice, labels: Uint8Array): GPUBuffer {
  const words = new Uint8Array(padTo4(labels.length))
  words.set(labels)
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
  const buffer = device.createBuffer({ label: 'labels', size: words.length, usage })
  device.queue.writeBuffer(buffer, 0, words)
  return buffer
}

/** `writeBuffer` takes no view of shared memory. */
function wholeWords(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}

function padImages(bytes: Uint8Array, size: number, stride: number): Uint8Array<ArrayBuffer> {
  const count = bytes.length / size
  const padded = new Uint8Array(count * stride)
  for (let i = 0; i < count; i++) padded.set(bytes.subarray(i * size, (i + 1) * size), i * stride)
  return padded
}
