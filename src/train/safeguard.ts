import { MemoryError } from '../errors.js'
import type { Network } from '../model/network.js'
import { momentsOf } from '../ops/update.js'
import { BufferCopies } from '../schedule/copies.js'
import { LossHealth } from './health.js'
import type { LiveModel } from './live-model.js'
import type { TrainingState } from './state.js'

/** A copy of what training changes, on the GPU, with the host's part of it. */
interface Snapshot {
  copies: BufferCopies
  state: TrainingState
  /** Losses of steps from it on, all sound so far. */
  sound: number
  /** One was not. */
  unsound: boolean
}

/** A copy is taken so often, and less often where that would take more than a fiftieth of the time. */
const EVERY_MS = 1000
const LONGEST_MS = 4000
const SHARE = 1 / 50

/** What copying is taken to cost: to another place on the GPU, to the host and from there to the page. */
const BYTES_PER_MS = 1e6

/**
 * Keeps what a run has learned from being lost. Every second or so what training changes is copied, between two
 * submissions and without waiting for any: on the GPU, where the last state known to be good stays until a later one
 * has proved itself by a sound loss; and to the host, for when the device is lost.
 */
export class Safeguard {
  private readonly slots: BufferCopies[] = []
  private good: Snapshot | undefined
  private candidate: Snapshot | undefined
  private copying = false
  private dueMs = 0
  private everyMs = EVERY_MS

  /**
   * @param health of the run's losses so far
   * @param restores whether there is to be a state to go back to
   */
  constructor(
    private readonly live: LiveModel<Network>,
    private readonly health: LossHealth,
    private readonly restores: boolean,
  ) {}

  /** Before the first step: what there is counts as good. Where the GPU has no room for copies there are none. */
  async begin(state: TrainingState): Promise<void> {
    const { context } = this.live.runtime
    const originals = this.live.runtime.learned(momentsOf(state.optimizer))
    const sizeBytes = originals.reduce((sum, { size }) => sum + size, 0)
    this.everyMs = Math.min(Math.max(EVERY_MS, sizeBytes / BYTES_PER_MS / SHARE), LONGEST_MS)
    if (this.restores) {
      try {
        for (let i = 0; i < 2; i++) this.slots.push(await BufferCopies.create(context.device, originals))
      } catch (error) {
        if (!(error instanceof MemoryError)) throw error
        this.destroy()
      }
    }
    this.take(state)
    this.good = this.candidate
    this.candidate = undefined
  }

  /** After a submission, with what training will have come to once it has run. */
  submitted(state: TrainingState): void {
    const { candidate } = this
    const unproved = candidate !== undefined && candidate.sound === 0 && !candidate.unsound
    if (this.copying || unproved || performance.now() < this.dueMs) return
    this.take(state)
  }

  /** The loss of a step has arrived. */
  observe(step: number, loss: number): void {
    const sound = this.health.add(loss)
    if (!this.candidate || step <= this.candidate.state.step) return
    if (sound) this.candidate.sound++
    else this.candidate.unsound = true
  }

  /**
   * Puts the last good state back.
   * @returns where training stood then; undefined where there is no copy
   */
  restore(): TrainingState | undefined {
    this.promote()
    const { good, live: { runtime } } = this
    if (!good) return undefined
    const encoder = runtime.encoder('restoring a snapshot')
    good.copies.restore(encoder)
    runtime.submit(encoder)
    return { ...good.state }
  }

  destroy(): void {
    for (const slot of this.slots.splice(0)) slot.destroy()
    this.good = this.candidate = undefined
  }

  private promote(): void {
    if (!this.candidate || this.candidate.sound === 0 || this.candidate.unsound) return
    this.good = this.candidate
    this.candidate = undefined
  }

  /** Copies to the slot that does not hold the good state, and to the host. */
  private take(state: TrainingState): void {
    this.promote()
    const { live, good } = this
    const copies = this.slots.find((slot) => slot !== good?.copies)
    if (copies) {
      const encoder = live.runtime.encoder('snapshot')
      copies.take(encoder)
      live.runtime.submit(encoder)
      this.candidate = { copies, state: { ...state }, sound: 0, unsound: false }
    }
    this.dueMs = performance.now() + this.everyMs
    if (!live.recovers) return
    this.copying = true
    const over = () => void (this.copying = false)
    live.keep({ ...state }).then(over, over) // with an older copy more steps are made again, and their number is told
  }
}
