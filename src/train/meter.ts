const WINDOW_MS = 2000

/** Throughput over the last two seconds of training. */
export class Meter {
  private readonly marks: { atMs: number; images: number }[] = []

  constructor() {
    this.restart()
  }

  /** Forgets what came before, after a pause or an evaluation. */
  restart(): void {
    this.marks.length = 0
    this.marks.push({ atMs: performance.now(), images: 0 })
  }

  /** Counts images whose step has just completed; returns images a second. */
  add(images: number): number {
    const now = performance.now()
    this.marks.push({ atMs: now, images })
    while (this.marks.length > 2 && now - this.marks[1].atMs > WINDOW_MS) this.marks.shift()
    const counted = this.marks.reduce((sum, mark, i) => (i === 0 ? 0 : sum + mark.images), 0)
    return counted / Math.max((now - this.marks[0].atMs) / 1000, 1e-6)
  }
}
