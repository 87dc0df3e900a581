import fc from 'fast-check'
import { ElboError } from '../../src/index.js'
import { ByteCounter } from './count-bytes.js'

/** A value to make anew for every call, and what it is called in a failure. */
export interface Recipe {
  make(): unknown
  [fc.toStringMethod](): string
}

export function recipe(text: string, make: () => unknown): Recipe {
  return { make, [fc.toStringMethod]: () => text }
}

/** How a call may behave. */
export interface Limits {
  /** Calls to make. */
  runs: number
  /** Most bytes of typed arrays and buffers, by what went in. */
  mostBytes?: (input: unknown) => number
}

const SEED = 20260
const MOST_MS = 1000
/** Recipes write long texts with this letter alone, so that a message shows how much of it it quotes. */
export const FILLER = 'ж'
const MOST_QUOTED = new RegExp(`${FILLER}{201}`)

/**
 * Makes so many calls with seeded inputs. Each must return or fail with a named error, quote at most 200 characters
 * of what came, take no longer than a second, and allocate no more than is allowed.
 * @returns how many were refused
 */
export async function fuzz(
  inputs: fc.Arbitrary<Recipe>,
  call: (input: unknown) => unknown,
  { runs, mostBytes = () => Infinity }: Limits,
): Promise<number> {
  const bytes = new ByteCounter()
  let refused = 0
  const property = fc.asyncProperty(inputs, async ({ make }) => {
    const input = make()
    bytes.take()
    const start = performance.now()
    const failure = await failureOf(() => call(input))
    const elapsedMs = performance.now() - start
    const allocated = bytes.take()
    if (elapsedMs > MOST_MS) await checkTime(() => call(make()))
    if (failure) checkError(failure.error)
    if (failure) refused++
    if (allocated > mostBytes(input)) throw new Error(`allocated ${allocated} bytes, at most ${mostBytes(input)}`)
  })
  try {
    await fc.assert(property, { seed: SEED, numRuns: runs })
  } finally {
    bytes.stop()
  }
  return refused
}

async function failureOf(call: () => unknown): Promise<{ error: unknown } | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    return { error }
  }
}

/** Fails unless the call is quick at last: others may have had the processor the first time. */
async function checkTime(call: () => unknown): Promise<void> {
  const times: number[] = []
  while (times.length < 3) {
    const start = performance.now()
    await failureOf(call)
    times.push(performance.now() - start)
    if (times.at(-1)! <= MOST_MS) return
  }
  throw new Error(`takes ${Math.min(...times)} ms`)
}

function checkError(error: unknown): void {
  if (!(error instanceof ElboError)) {
    throw new Error('failed without a named error', { cause: error })
  }
  if (MOST_QUOTED.test(error.message)) throw new Error(`quotes more than 200 characters: ${error.message.length}`)
  if (error.message.length > 2000) throw new Error(`a message of ${error.message.length} characters: ${error.message}`)
}
