import { type ElboError, MemoryError } from '../errors.js'
import { BufferUsage } from './flags.js'
import { firstFault, scoped } from './faults.js'

const faults = new WeakMap<GPUBuffer, Promise<ElboError | undefined>>()

/** The largest buffer, in bytes, that a kernel can read as a whole on this device. */
export function largestBinding({ limits }: GPUDevice): number {
  return Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize)
}

/**
 * The one place where buffers are made: checked against the device's limits before, in error scopes meanwhile. Follow
 * it by `allocated`, before anything depends on the buffer.
 * @throws MemoryError when it is larger than the device allows
 */
export function allocate(device: GPUDevice, descriptor: GPUBufferDescriptor & { label: string }): GPUBuffer {
  const { label, size, usage } = descriptor
  const bound = (usage & BufferUsage.STORAGE) !== 0
  const most = bound ? largestBinding(device) : device.limits.maxBufferSize
  if (size > most) {
    const limit = bound ? 'binds' : 'allocates'
    const allowed = `this device ${limit} at most ${formatBytes(most)} at once`
    throw new MemoryError(`"${label}" needs ${formatBytes(size)}, ${allowed}`)
  }
  const { result, fault } = scoped(device, `"${label}" of ${formatBytes(size)}`, () => device.createBuffer(descriptor))
  faults.set(result, fault)
  return result
}

/** Waits until the GPU has agreed to these buffers. @throws MemoryError, KernelError with the GPU's words */
export async function allocated(buffers: readonly GPUBuffer[]): Promise<void> {
  const fault = await firstFault(buffers.map(async (buffer) => faults.get(buffer)))
  if (fault) throw fault
}

/** `156,800,000 bytes`. */
export function formatBytes(bytes: number): string {
  return `${bytes.toLocaleString('en-US')} bytes`
}

/** Something on the GPU that nobody uses at the moment. */
export interface IdleMemory {
  readonly sizeBytes: number
  destroy(): void
}

/** Keeps what is idle for its next use, within bounds; beyond them it destroys what has been idle longest. */
export class IdleCache {
  private readonly items = new Set<IdleMemory>()

  constructor(
    private readonly mostBytes: number,
    private readonly mostItems: number,
  ) {}

  get sizeBytes(): number {
    return [...this.items].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  /** Keeps an item until it is taken or destroyed. */
  keep(item: IdleMemory): void {
    this.items.add(item)
    for (const oldest of this.items) {
      if (this.sizeBytes <= this.mostBytes && this.items.size <= this.mostItems) return
      this.destroy(oldest)
    }
  }

  /** Gives an item back to its user. */
  take(item: IdleMemory): void {
    this.items.delete(item)
  }

  /** Destroys everything. @returns whether there was anything */
  clear(): boolean {
    const some = this.items.size > 0
    for (const item of this.items) this.destroy(item)
    return some
  }

  private destroy(item: IdleMemory): void {
    this.items.delete(item)
    item.destroy()
  }
}
