import type { Session, Trained, Window } from './contestant.js'

/** The loss of a step, on the GPU. */
interface Loss {
  dispose(): void
}

/** What a training loop needs of a library. */
export interface Updates<T extends Loss> {
  /** Queues the update with that batch. */
  update(batch: number): T
  /** Resolves when the step is done; leaves the loss as it is. */
  read(loss: T): Promise<number>
}

interface Way {
  name: string
  /** Losses that accumulate before the loop waits for some of them. */
  most: number
  /** How many of those it leaves under way. */
  left: number
  /** Steps longer than this gain nothing by it that could be measured. */
  longestMs: number
}

const EVERY_STEP: Way = { name: 'every step', most: 1, left: 0, longestMs: Infinity }
const WAYS: Way[] = [
  EVERY_STEP,
  { name: 'one step behind', most: 2, left: 1, longestMs: 2000 },
  { name: 'every 20 steps', most: 20, left: 0, longestMs: 50 },
]
const TRIAL_MS = 300
const TRIALS = 3

/** A training loop for a library whose user decides when to wait for the GPU. */
export class Loop<T extends Loss> implements Pick<Session, 'step' | 'settle' | 'train'> {
  private way = EVERY_STEP
  private next = 0

  constructor(private readonly updates: Updates<T>, private readonly batches: number) {}

  async step(batch: number): Promise<number> {
    const loss = this.updates.update(batch)
    const value = await this.updates.read(loss)
    loss.dispose()
    return value
  }

  /** Tries the ways a few times in turns. */
  async settle(): Promise<string> {
    const { elapsedMs } = await this.run(EVERY_STEP, 0)
    const trials = WAYS.filter(({ longestMs }) => elapsedMs <= longestMs).map((way) => ({ way, bestMs: Infinity }))
    for (let i = 0; i < TRIALS && trials.length > 1; i++) {
      for (const trial of trials) {
        const { steps, elapsedMs } = await this.run(trial.way, TRIAL_MS)
        trial.bestMs = Math.min(trial.bestMs, elapsedMs / steps)
      }
    }
    this.way = trials.reduce((best, trial) => (trial.bestMs < best.bestMs ? trial : best)).way
    return this.way.name
  }

  async train({ warmUpMs, windowMs, onBegin, onEnd }: Window): Promise<Trained> {
    if (warmUpMs > 0) await this.run(this.way, warmUpMs)
    onBegin?.()
    const trained = await this.run(this.way, windowMs)
    onEnd?.()
    return trained
  }

  /** At least one step; ends with nothing under way. */
  private async run({ most, left }: Way, leastMs: number): Promise<Trained> {
    const underWay: T[] = []
    const start = performance.now()
    let steps = 0
    do {
      while (underWay.length < most) {
        underWay.push(this.updates.update(this.next++ % this.batches))
        steps++
      }
      await this.finish(underWay.splice(0, most - left))
    } while (performance.now() - start < leastMs)
    await this.finish(underWay)
    return { steps, elapsedMs: performance.now() - start }
  }

  /** Waits for the last of some steps in a row. */
  private async finish(losses: T[]): Promise<void> {
    const last = losses.at(-1)
    if (last) await this.updates.read(last)
    for (const loss of losses) loss.dispose()
  }
}
