import type { Dataset } from '../data/dataset.js'
import type { Network } from '../model/network.js'
import { Pace } from '../schedule/pace.js'
import { MOST_STEPS } from '../schedule/step.js'
import { Batches } from './batches.js'
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
  readonly batches: Batches

  /** @param state is moved on as results arrive: it always says what the parameters on the GPU have seen. */
  constructor(
    live: LiveModel<Network>,
    readonly state: TrainingState,
    data: Dataset,
    { epochs, steps, batchSize, labeledPerBatch, reportEvery: every = 1, validation, checkpoint }: Training,
    emit: (event: TrainEvent) => void,
  ) {
    this.batches = new Batches(data, batchSize, labeledPerBatch)
    this.batches.enter(state)
    this.submitted = { ...state }
    this.firstStep = this.reportedStep = this.validatedStep = state.step
    const left = this.batches.left(state)
    this.totalSteps = state.step + (steps ?? left + (epochs! - 1) * this.batches.perEpoch)
    const reports = { every, totalSteps: this.totalSteps, validates: validation !== undefined }
    this.reporter = new Reporter(live, reports, emit)
    this.checkpointer = new Checkpointer(checkpoint, state.step)
  }

  /** The state has moved back: training goes on from there. */
  rewind(): void {
    this.batches.enter(this.state)
    this.submitted = { ...this.state }
    this.stopsEarly = false
    this.pace.interrupt()
    this.meter.restart()
  }
}
