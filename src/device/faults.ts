import { type ElboError, KernelError, MemoryError } from '../errors.js'

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']

/** What some GPU work returned at once, and later what the GPU objected to in it. */
export interface Scoped<T> {
  result: T
  /** Never rejects; undefined where all was well, or the device is gone, which is told elsewhere. */
  fault: Promise<ElboError | undefined>
}

/**
 * Runs `body` in error scopes of every kind. They are a stack that all of a device's users share, so they are opened and
 * closed in one turn: they hold what `body` did and nothing else, whatever is under way meanwhile. `body` must not wait.
 * @param what names the work in the error: `decoder.1.y`, `a training step`
 */
export function scoped<T>(device: GPUDevice, what: string, body: () => T): Scoped<T> {
  for (const filter of FILTERS) device.pushErrorScope(filter)
  let result: T
  let faults: Promise<ElboError | undefined>[] = []
  try {
    result = body()
  } finally {
    faults = [...FILTERS].reverse().map(async (filter) => {
      const error = await device.popErrorScope().catch(() => null)
      return error ? faultOf(what, error.message, filter === 'out-of-memory') : undefined
    })
  }
  return { result, fault: firstFault(faults) }
}

/** Whether an error is the GPU's refusal of some work. */
export function isRefusal(error: unknown): boolean {
  return error instanceof KernelError || error instanceof MemoryError
}

/** The first of several faults in their order, once all are known. */
export async function firstFault(faults: readonly Promise<ElboError | undefined>[]): Promise<ElboError | undefined> {
  return (await Promise.all(faults)).find((fault) => fault !== undefined)
}

function faultOf(what: string, words: string, outOfMemory: boolean): ElboError {
  if (outOfMemory) return new MemoryError(`${what}: the GPU has no room for it; it says: ${words}`)
  return new KernelError(`${what}: the GPU refused it; it says: ${words}`)
}

/**
 * Hears the errors of a device that no scope held, and fails the calls that are under way then: one of them caused it,
 * or somebody else who uses the device. With no call under way the browser's console has the error, as it always does.
 */
export class UncapturedErrors {
  private readonly underWay = new Set<{ fault?: ElboError }>()
  private readonly listener = ({ error }: GPUUncapturedErrorEvent) => {
    const outOfMemory = error.constructor.name === 'GPUOutOfMemoryError'
    const fault = faultOf('an error of the device', error.message, outOfMemory)
    for (const call of this.underWay) call.fault ??= fault
  }

  /** Adds a listener; a caller's own `onuncapturederror` is left alone. */
  constructor(private readonly device: GPUDevice) {
    device.addEventListener?.('uncapturederror', this.listener)
  }

  /** Waits for a call. @throws what the GPU reported meanwhile, else what the call throws */
  async during<T>(call: Promise<T>): Promise<T> {
    const entry: { fault?: ElboError } = {}
    this.underWay.add(entry)
    try {
      const result = await call
      if (entry.fault) throw entry.fault
      return result
    } catch (error) {
      throw entry.fault ?? error
    } finally {
      this.underWay.delete(entry)
    }
  }

  destroy(): void {
    this.device.removeEventListener?.('uncapturederror', this.listener)
  }
}
