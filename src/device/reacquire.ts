import { BufferUsage, MAP_READ } from './flags.js'
import { allocate } from './memory.js'

/** Waits between attempts begin with this and double. */
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 15_000

/** An attempt that takes longer counts as failed: a browser whose GPU process keeps dying may never answer. */
const ATTEMPT_MS = 20_000

/** How to try again. */
export interface Patience {
  /** No attempt begins later than this. */
  withinMs: number
  /** Before the first attempt; 0 unless this is one loss of many. */
  waitMs: number
  /** Whether nobody wants the result any more. */
  ended(): boolean
}

/**
 * Makes something that may fail for a while, backing off.
 * @param dispose takes what an attempt makes after it was given up
 * @throws what the last attempt threw
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  { withinMs, waitMs, ended }: Patience,
  dispose: (late: T) => void,
): Promise<T> {
  const until = performance.now() + withinMs
  for (let wait = waitMs; ; wait = Math.min(Math.max(2 * wait, FIRST_WAIT_MS), LONGEST_WAIT_MS)) {
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    if (ended()) throw new Error('nobody waits for it any more')
    try {
      return await inTime(attempt(), dispose)
    } catch (error) {
      if (performance.now() + wait > until) throw error
    }
  }
}

async function inTime<T>(making: Promise<T>, dispose: (late: T) => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => {
      making.then(dispose, () => {})
      reject(new Error(`no answer for ${ATTEMPT_MS / 1000} s`))
    }
    timer = setTimeout(giveUp, ATTEMPT_MS)
  })
  try {
    return await Promise.race([making, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Work on a device that is lost seems to succeed until something is read back. Rejects, once its loss is told. */
export async function answers(device: GPUDevice): Promise<void> {
  const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST
  const buffer = allocate(device, { label: 'an answer', size: 8, usage })
  try {
    await buffer.mapAsync(MAP_READ)
  } catch (error) {
    await device.lost // so that whoever waits hears of the next device, not of this one
    throw error
  } finally {
    buffer.destroy()
  }
}
