/** Steps over which the running mean forgets. */
const WINDOW = 100

/** A loss this many times its usual size above the mean is out of the ordinary. */
const BEYOND = 3

/** Until so many steps are known, what is usual is known less well, and the bound is wider. */
const EARLY = 10

/**
 * Whether the losses of a run go on as they did: a step's loss is sound when it is finite and at most the running mean
 * plus three times that of its absolute value: four times the mean, where the loss is positive. A loss that stays
 * higher becomes the usual one after a few hundred steps.
 */
export class LossHealth {
  private mean = 0
  private size = 0
  private steps = 0

  /** Takes in the loss of the next step. @returns whether it is sound; the first one that is finite always is */
  add(loss: number): boolean {
    if (!Number.isFinite(loss)) return false
    const limit = this.steps === 0 ? Infinity : this.mean + BEYOND * Math.max(1, EARLY / this.steps) * this.size
    const counted = Math.min(loss, limit) // one enormous loss must not make all that come after it look small
    const weight = 1 / Math.min(++this.steps, WINDOW)
    this.mean += weight * (counted - this.mean)
    this.size += weight * (Math.abs(counted) - this.size)
    return loss <= limit
  }
}
