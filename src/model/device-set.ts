import { scoped } from '../device/faults.js'
import { BufferUsage } from '../device/flags.js'
import { allocate, allocated, formatBytes, IdleCache, largestBinding } from '../device/memory.js'
import { DataError, type ElboError } from '../errors.js'
import { padTo4 } from '../ops/dispatch.js'
import type { SetChunk } from './request.js'

/** The images of a set, as it matters here: `count` images of `images.length / count` bytes. */
export interface ByteImages {
  readonly count: number
  readonly images: Uint8Array | Float32Array
  readonly labels?: Uint8Array
}

/** Sets that no call uses stay on the GPU: the last four, of so many bytes together. */
const MOST_IDLE_SETS = 4
const MOST_IDLE_BYTES = 2 ** 28

/**
 * The data sets of an engine, each on the GPU once however many models, runs and views of the same bytes use it. A set
 * stays while a call uses it; after that until four others have been used since, or those that no call uses take more
 * than 256 MiB together, and in any case no longer than the engine.
 */
export class DeviceSets {
  private readonly sets = new Set<DeviceSet>()
  private readonly idle = new IdleCache(MOST_IDLE_BYTES, MOST_IDLE_SETS)

  constructor(private readonly device: GPUDevice) {}

  /**
   * The set on the device, uploaded unless it is there. The caller calls `release` once it is done with it.
   * @throws DataError when a single image is larger than the device binds, MemoryError when the labels are
   */
  use(data: ByteImages): DeviceSet {
    let set = [...this.sets].find((candidate) => candidate.holds(data))
    if (!set) {
      set = new DeviceSet(this.device, data, {
        released: (unused) => this.sets.has(unused) && this.idle.keep(unused),
        destroyed: (gone) => this.forget(gone),
      })
      this.sets.add(set)
    }
    this.idle.take(set)
    set.users++
    return set
  }

  /** Frees the sets that no call uses. @returns whether there were any */
  clear(): boolean {
    return this.idle.clear()
  }

  /** Frees every set. */
  destroy(): void {
    for (const set of this.sets) set.destroy()
  }

  private forget(set: DeviceSet): void {
    this.sets.delete(set)
    this.idle.take(set)
  }
}

/** What a set tells its keeper. */
interface Keeper {
  released(set: DeviceSet): unknown
  destroyed(set: DeviceSet): void
}

/**
 * A data set on the GPU, in as many buffers as the largest binding asks for: bytes, every image padded to words, or
 * floats, an image padded to whole vectors.
 */
export class DeviceSet {
  readonly chunks: SetChunk[]
  /** Whether its values are floats. */
  readonly floats: boolean
  readonly buffers: readonly GPUBuffer[]
  /** Whether the GPU took it all; the set is gone when not. */
  readonly fault: Promise<ElboError | undefined>
  /** Calls that use it. */
  users = 0
  private readonly labels: GPUBuffer | undefined
  private readonly bytes: readonly WeakRef<ArrayBufferLike>[]
  private readonly places: string

  constructor(
    device: GPUDevice,
    data: ByteImages,
    private readonly keeper?: Keeper,
  ) {
    const { images, labels } = data
    this.floats = images instanceof Float32Array
    this.bytes = arraysOf(data).map(({ buffer }) => new WeakRef(buffer))
    this.places = placesOf(data)
    this.chunks = chunksOf(device, data)
    const rows = { images: bytesOf(images), ...rowBytes(data), chunks: this.chunks, labels }
    const { result, fault } = scoped(device, 'uploading a data set', () => upload(device, rows))
    this.buffers = result.images
    this.labels = result.labels
    this.fault = this.checked(fault)
  }

  get sizeBytes(): number {
    return [...this.buffers, ...(this.labels ? [this.labels] : [])].reduce((sum, buffer) => sum + buffer.size, 0)
  }

  /** The buffers by the plan's names. */
  get storages(): Record<string, GPUBuffer> {
    const images = Object.fromEntries(this.buffers.map((buffer, i) => [`images.${i}`, buffer]))
    return this.labels ? { ...images, labels: this.labels } : images
  }

  /** Whether it was uploaded from the same memory: the same set, or a view of the same part of it. */
  holds(data: ByteImages): boolean {
    const arrays = arraysOf(data)
    if (this.places !== placesOf(data)) return false
    return arrays.every(({ buffer }, i) => this.bytes[i].deref() === buffer)
  }

  /** A call is done with it. */
  release(): void {
    this.users--
    if (this.users === 0) this.keeper?.released(this)
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy()
    this.labels?.destroy()
    this.keeper?.destroyed(this)
  }

  private async checked(uploading: Promise<ElboError | undefined>): Promise<ElboError | undefined> {
    const noRoom = await allocated(Object.values(this.storages)).then(() => undefined, (error: ElboError) => error)
    const fault = noRoom ?? (await uploading)
    if (fault) this.destroy()
    return fault
  }
}

/** How the images are spread over buffers. @throws DataError when a single one does not fit */
function chunksOf(device: GPUDevice, data: ByteImages): SetChunk[] {
  const { count } = data
  const { stride } = rowBytes(data)
  const largest = largestBinding(device)
  const most = Math.floor(largest / stride)
  if (most === 0) {
    const size = formatBytes(stride)
    const allowed = `this device binds at most ${formatBytes(largest)} at once`
    throw new DataError(`a data set: an image has ${size}, ${allowed}; make the images smaller`)
  }
  const chunks: SetChunk[] = []
  for (let first = 0; first < count; first += most) chunks.push({ first, count: Math.min(most, count - first) })
  return chunks
}

/** Bytes of an image, and from one to the next on the GPU. */
function rowBytes({ count, images }: ByteImages): { size: number; stride: number } {
  const values = images.length / count
  const bytes = images.BYTES_PER_ELEMENT
  return { size: bytes * values, stride: bytes * padTo4(values) }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

interface UploadedRows {
  images: Uint8Array
  /** Bytes of an image, and from one to the next on the GPU. */
  size: number
  stride: number
  chunks: readonly SetChunk[]
  labels: Uint8Array | undefined
}

function upload(device: GPUDevice, { images, size, stride, chunks, labels }: UploadedRows) {
  const made: GPUBuffer[] = []
  const make = (label: string, bytes: Uint8Array<ArrayBuffer>) => {
    const buffer = allocate(device, { label, size: bytes.length, usage: BufferUsage.STORAGE | BufferUsage.COPY_DST })
    made.push(buffer)
    device.queue.writeBuffer(buffer, 0, bytes)
    return buffer
  }
  try {
    const labelBuffer = labels && make('labels', paddedRows(labels, labels.length, padTo4(labels.length)))
    const imageBuffers = chunks.map(({ first, count }, i) => {
      return make(`images.${i}`, paddedRows(images.subarray(first * size, (first + count) * size), size, stride))
    })
    return { images: imageBuffers, labels: labelBuffer }
  } catch (error) {
    for (const buffer of made) buffer.destroy()
    throw error
  }
}

/** Rows of `size` bytes, `stride` apart. `writeBuffer` takes no view of shared memory. */
function paddedRows(bytes: Uint8Array, size: number, stride: number): Uint8Array<ArrayBuffer> {
  if (size === stride) {
    return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
  }
  const count = bytes.length / size
  const padded = new Uint8Array(count * stride)
  for (let i = 0; i < count; i++) padded.set(bytes.subarray(i * size, (i + 1) * size), i * stride)
  return padded
}

function arraysOf({ images, labels }: ByteImages): (Uint8Array | Float32Array)[] {
  return labels ? [images, labels] : [images]
}

/** Where in their memory the bytes lie. */
function placesOf(data: ByteImages): string {
  const places = arraysOf(data).map(({ byteOffset, byteLength, length }) => [byteOffset, byteLength, length])
  return JSON.stringify([data.count, ...places])
}
