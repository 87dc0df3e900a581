import type { Dataset } from '../data/dataset.js'
import { Pace } from '../schedule/pace.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { Training } from './check-training.js'
import { Checkpointer } from './checkpointer.js'
import { LossHealth } from './health.js'
import { Meter } from './meter.js'
import { Reporter } from './reporter.js'
import type { TrainEvent } from './run.js'
import type { LiveModel } from './live-model.js'
import type { TrainingState } from './state.js'

/** Where a run stands, on whatever device it is. */
export class Progress {
  /** What the parameters will have seen once everything submitted so far has run. */
  submitted: TrainingState
  /** The last step that was reported; those up to it are not reported again when they are made again. */
  reportedStep: number
  /** The last step with a validation. */
  validatedStep: number
  /** Early stopping has waited long enough. */
  stopsEarly = false
  readonly firstStep: number
  readonly totalSteps: number
  readonly pace = new Pace(MOST_STEPS)
  readonly meter = new Meter()
  readonly health = new LossHealth()
  readonly reporter: Reporter
  readonly checkpointer: Checkpointer

  /** @param state is moved on as results arrive: it always says what the parameters on the GPU have seen. */
  constructor(
    live: LiveModel,
    readonly state: TrainingState,
    private readonly data: Dataset,
    { epochs, steps, batchSize, reportEvery: every = 1, validation, checkpoint }: Training,
    emit: (event: TrainEvent) => void,
  ) {
    this.fitSet()
    this.submitted = { ...state }
    this.firstStep = this.reportedStep = this.validatedStep = state.step
    const perEpoch = Math.ceil(data.count / batchSize)
    const left = Math.ceil((data.count - state.cursor) / batchSize)
    this.totalSteps = state.step + (steps ?? left + (epochs! - 1) * perEpoch)
    const reports = { every, totalSteps: this.totalSteps, validates: validation !== undefined }
    this.reporter = new Reporter(live, reports, emit)
    this.checkpointer = new Checkpointer(checkpoint, state.step)
  }

  /** The state has moved back: training goes on from there. */
  rewind(): void {
    this.fitSet()
    this.submitted = { ...this.state }
    this.stopsEarly = false
    this.pace.interrupt()
    this.meter.restart()
  }

  /** Training so far may have been on a larger set. */
  private fitSet(): void {
    const { state, data } = this
    if (state.cursor >= data.count) Object.assign(state, { cursor: 0, epoch: state.epoch + 1 })
  }
}

/** Counts a step of so many images. */
export function advance(state: TrainingState, batch: number, count: number): void {
  state.step++
  state.cursor += batch
  if (state.cursor < count) return
  state.cursor = 0
  state.epoch++
}
