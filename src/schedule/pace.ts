const TARGET_MS = 12
const WORTHWHILE = 1.3

/**
 * How many steps a submission should hold. Grows while a submission is short (under 12 ms the page and its other work
 * on the GPU stay responsive), and beyond that only while doubling still buys throughput: there completion itself is
 * slow to be noticed, as in a browser that polls for it every 100 ms.
 */
export class Pace {
  private size = 1
  private steps = 0
  private completions = 0
  private since: number | undefined
  private lastRate = 0
  private settled = false

  constructor(private readonly most: number) {}

  /** Steps for the next submission. */
  get stepsPerSubmission(): number {
    return this.size
  }

  /** The queue ran dry (a pause, the end of an epoch): what is being measured starts anew. */
  interrupt(): void {
    this.since = undefined
  }

  /** Call when a submission's results have arrived, while others are under way. */
  completed(steps: number, nowMs: number): void {
    if (this.settled) return
    if (this.since === undefined || steps !== this.size) {
      this.since = steps === this.size ? nowMs : undefined
      this.steps = this.completions = 0
      return
    }
    this.steps += steps
    this.completions++
    const elapsedMs = nowMs - this.since
    if (this.completions < 3 || elapsedMs < 4 * TARGET_MS) return
    this.decide(this.steps / elapsedMs, elapsedMs / this.completions)
    this.since = undefined
  }

  private decide(rate: number, submissionMs: number): void {
    const worthwhile = rate > WORTHWHILE * this.lastRate
    if (submissionMs > TARGET_MS && !worthwhile) {
      this.size = Math.max(1, this.size / 2)
      this.settled = true
    } else if (this.size * 2 <= this.most) {
      this.size *= 2
    } else {
      this.settled = true
    }
    this.lastRate = rate
  }
}
