import { uniform } from '../reference/formula.js'

/** Long enough for the submissions beside it to be mapped too. */
const HELD_MS = 12

/** What became of the maps. */
export interface MapOrder {
  /** Maps that resolved before one that was asked for earlier. */
  overtaken: number
}

/**
 * Runs the body while `mapAsync` resolves out of order, as Firefox does: each time one is due, a seeded draw picks which
 * of those that are mapped it is.
 */
export async function withShuffledMaps<T>(seed: number, body: (order: MapOrder) => Promise<T>): Promise<T> {
  const { prototype } = GPUBuffer
  const { mapAsync } = prototype
  const order: MapOrder = { overtaken: 0 }
  const due: { number: number; release(): void }[] = []
  const pending = new Set<number>()
  let asked = 0
  let released = 0
  const releaseOne = () => {
    const [{ number, release }] = due.splice(Math.floor(uniform(released++, seed) * due.length), 1)
    pending.delete(number)
    if ([...pending].some((other) => other < number)) order.overtaken++
    release()
  }
  prototype.mapAsync = async function (...range) {
    const number = asked++
    pending.add(number)
    try {
      await mapAsync.apply(this, range)
      await new Promise<void>((resolve) => {
        due.push({ number, release: resolve })
        setTimeout(releaseOne, HELD_MS)
      })
    } finally {
      pending.delete(number)
    }
  }
  try {
    return await body(order)
  } finally {
    prototype.mapAsync = mapAsync
  }
}

/** Runs the body while the map asked for as number `failing`, from 0, rejects. */
export async function withFailingMap<T>(failing: number, error: Error, body: () => Promise<T>): Promise<T> {
  const { prototype } = GPUBuffer
  const { mapAsync } = prototype
  let asked = 0
  prototype.mapAsync = async function (...range) {
    const fails = asked++ === failing
    await mapAsync.apply(this, range)
    if (!fails) return
    this.unmap()
    throw error
  }
  try {
    return await body()
  } finally {
    prototype.mapAsync = mapAsync
  }
}
