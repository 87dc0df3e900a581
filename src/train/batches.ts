import type { Dataset } from '../data/dataset.js'
import { UNLABELED } from '../labels.js'
import { shuffledOrder } from '../random.js'
import type { TrainingState } from './state.js'

/**
 * Which images of a set each batch of a run has: all in an order shuffled anew every epoch, or, with `labeledPerBatch`, so
 * many whose label is known, taken round and round, and then as many of the others, which an epoch is a pass over. That
 * depends on the training state alone: a resumed run goes on with the same batches.
 */
export class Batches {
  /** Entries of the order that the longest epoch needs. */
  readonly entries: number
  /** Images of known label in a batch, besides those that an epoch is a pass over. */
  private readonly labeled: number
  private readonly known: readonly number[] = []
  /** What an epoch is a pass over; all images unless given. */
  private readonly passed: readonly number[] | undefined
  private readonly count: number
  /** Where the order that was made last begins. */
  private begun = { epoch: -1, cursor: 0 }

  constructor(
    { count, labels }: Dataset,
    private readonly batchSize: number,
    labeledPerBatch = 0,
  ) {
    const images = labeledPerBatch > 0 ? Array.from(labels!.keys()) : []
    const known = images.filter((image) => labels![image] !== UNLABELED)
    const isMixed = labeledPerBatch < batchSize
    this.labeled = isMixed ? labeledPerBatch : 0
    if (this.labeled > 0) this.known = known
    if (labeledPerBatch > 0) this.passed = isMixed ? images.filter((image) => labels![image] === UNLABELED) : known
    this.count = this.passed?.length ?? count
    this.entries = this.count + this.perEpoch * this.labeled
  }

  /** Steps of a whole epoch. */
  get perEpoch(): number {
    return this.stepsFor(this.count)
  }

  /** Steps until the end of the state's epoch. */
  left({ cursor }: TrainingState): number {
    return this.stepsFor(this.count - cursor)
  }

  /** Begins the next epoch where the state's is over for this set: training so far may have been on a larger one. */
  enter(state: TrainingState): void {
    if (this.labeled > 0) state.labeledCursor ??= 0
    if (state.cursor >= this.count) Object.assign(state, { cursor: 0, epoch: state.epoch + 1 })
  }

  /** Makes the order anew: it is to go to another buffer. */
  forget(): void {
    this.begun = { epoch: -1, cursor: 0 }
  }

  /** The images of what is left of the state's epoch, batch by batch; undefined where that is the order made last. */
  order({ epoch, cursor, seed, labeledCursor = 0 }: TrainingState): Uint32Array | undefined {
    if (epoch === this.begun.epoch && cursor >= this.begun.cursor) return undefined
    this.begun = { epoch, cursor }
    const shuffled = shuffledOrder(this.count, seed, epoch).subarray(cursor)
    const left = this.passed ? shuffled.map((place) => this.passed![place]) : shuffled
    if (this.labeled === 0) return left
    const order = new Uint32Array(left.length + this.stepsFor(left.length) * this.labeled)
    const rounds = new Rounds(this.known, seed)
    const others = this.batchSize - this.labeled
    for (let at = 0, from = 0, taken = labeledCursor; from < left.length; from += others) {
      for (let i = 0; i < this.labeled; i++) order[at++] = rounds.at(taken++)
      order.set(left.subarray(from, from + others), at)
      at += others
    }
    return order
  }

  /** The state's next batch: its images, and where they begin in the order made last. */
  next({ cursor }: TrainingState): { batch: number; cursor: number } {
    const others = Math.min(this.batchSize - this.labeled, this.count - cursor)
    const passed = cursor - this.begun.cursor
    return { batch: this.labeled + others, cursor: passed + this.stepsFor(passed) * this.labeled }
  }

  /** Moves a state on by a batch of so many images. */
  advance(state: TrainingState, batch: number): void {
    state.step++
    state.cursor += batch - this.labeled
    if (this.labeled > 0) state.labeledCursor = (state.labeledCursor ?? 0) + this.labeled
    if (state.cursor < this.count) return
    state.cursor = 0
    state.epoch++
  }

  private stepsFor(images: number): number {
    return Math.ceil(images / (this.batchSize - this.labeled))
  }
}

/** Images one after another, round and round, each round in another order. */
class Rounds {
  private round = -1
  private order: Uint32Array = new Uint32Array()

  constructor(
    private readonly images: readonly number[],
    private readonly seed: number,
  ) {}

  at(place: number): number {
    const round = Math.floor(place / this.images.length)
    if (round !== this.round) {
      this.order = shuffledOrder(this.images.length, this.seed, round)
      this.round = round
    }
    return this.images[this.order[place % this.images.length]]
  }
}
