import type { GpuClock } from '../device/clock.js'
import { choiceStore, type ChoiceStore } from './choices.js'

/** One way to do a piece of work, ready to be encoded. */
export interface Candidate {
  /** The tiling's kernel: what is remembered. */
  kernel: string
  /** Compiles and binds it. */
  prepare(): Promise<(pass: GPUComputePassEncoder) => void>
}

const BUDGET_MS = 1500
const SAMPLE_MS = 4
const SAMPLES = 3
/** A tiling must be this much faster than the fixed choice: what is within the noise should not change between runs. */
const WORTHWHILE = 0.92
/** One that is this many times slower than the best is not timed again. */
const HOPELESS = 2
/** A first run may take this long because the driver compiles only then. */
const COMPILING_MS = 50

/** Picks the fastest of a few tilings for each kernel and shape, once for an adapter, and remembers it. */
export class Tuner {
  private choices: Promise<Record<string, string>> | undefined
  private turn: Promise<unknown> = Promise.resolve()
  /** What every work was answered, timed or not: the same again for as long as the engine lives. */
  private decided = new Map<string, string>()

  constructor(
    private readonly clock: GpuClock,
    private readonly adapter: string,
    private readonly store: ChoiceStore = choiceStore(),
    /** Of timing, milliseconds that are left. */
    private leftMs = BUDGET_MS,
  ) {}

  /**
   * The kernel of the fastest candidate; the first is the fixed choice, kept when nothing is clearly faster, or when a
   * second and a half of timing is spent (what was not timed then is left for the next time).
   */
  choose(work: string, candidates: readonly Candidate[]): Promise<string> {
    const turn = this.turn.then(() => this.chooseNow(work, candidates))
    this.turn = turn.catch(() => {})
    return turn
  }

  /** A tuner for another device of the same adapter, which decides as this one did: bits then repeat. */
  follow(clock: GpuClock): Tuner {
    const next = new Tuner(clock, this.adapter, this.store, this.leftMs)
    next.choices = this.choices
    next.decided = this.decided
    return next
  }

  /** Writes what was chosen to where it is remembered. */
  async remember(): Promise<void> {
    const choices = await this.load()
    await this.store.save(choices).catch(() => {}) // a full or forbidden store only costs the next visit its time
  }

  private async chooseNow(work: string, candidates: readonly Candidate[]): Promise<string> {
    const decided = this.decided.get(work) ?? (await this.decide(work, candidates))
    this.decided.set(work, decided)
    return decided
  }

  private async decide(work: string, candidates: readonly Candidate[]): Promise<string> {
    const fixed = candidates[0].kernel
    const choices = await this.load()
    const known = choices[`${this.adapter} ${work}`]
    if (candidates.some(({ kernel }) => kernel === known)) return known
    if (this.leftMs <= 0) return fixed
    const start = performance.now()
    let best = { kernel: fixed, ms: Infinity }
    let timed = 0
    for (const { kernel, prepare } of candidates) {
      if (performance.now() - start > this.leftMs) break
      timed++
      const ms = await this.time(await prepare(), best.ms)
      if (ms < best.ms * (kernel === fixed ? 1 : WORTHWHILE)) best = { kernel, ms }
    }
    this.leftMs -= performance.now() - start
    if (timed === candidates.length) choices[`${this.adapter} ${work}`] = best.kernel
    return best.kernel
  }

  /** Milliseconds a run: the shortest of a few samples, each of enough runs for the clock's resolution. */
  private async time(encode: (pass: GPUComputePassEncoder) => void, bestMs: number): Promise<number> {
    const sample = async (count: number) => {
      const ms = await this.clock.time((pass) => {
        for (let i = 0; i < count; i++) encode(pass)
      })
      return ms / count
    }
    const first = await sample(1)
    if (first > Math.max(HOPELESS * bestMs, COMPILING_MS)) return first
    let count = 1
    let best = await sample(count)
    while (best * count < SAMPLE_MS && count < 256) {
      count *= 4
      best = await sample(count)
    }
    if (best > HOPELESS * bestMs) return best
    for (let i = 1; i < SAMPLES; i++) best = Math.min(best, await sample(count))
    return best
  }

  private load(): Promise<Record<string, string>> {
    this.choices ??= this.store.load().then((known) => ({ ...known }), () => ({}))
    return this.choices
  }
}
