import type { Dataset } from '../data/dataset.js'
import { DeviceLostError } from '../errors.js'
import type { Model } from '../model/model.js'
import type { Network } from '../model/network.js'
import { DeviceRun, type TrainerOptions } from './device-run.js'
import type { LiveModel } from './live-model.js'
import { Progress } from './progress.js'
import type { Control, TrainEvent } from './run.js'
import type { TrainingState } from './state.js'

/** A run whose device is lost so often without a step between gives up: it may be what the GPU cannot stand. */
const MOST_LOSSES = 3

/** One training run, on one device after another where they are lost. */
export class Trainer<N extends Network = Model> {
  private readonly progress: Progress

  /** @param state is moved on as results arrive: it always says what the parameters on the GPU have seen. */
  constructor(
    private readonly live: LiveModel<N>,
    state: TrainingState,
    private readonly data: Dataset,
    private readonly options: TrainerOptions<N>,
    private readonly control: Control,
    emit: (event: TrainEvent) => void,
  ) {
    this.progress = new Progress(live, state, data, options, emit)
  }

  /** What the parameters will have seen once everything submitted so far has run. */
  get submittedState(): TrainingState {
    return this.progress.submitted
  }

  /** Trains until the end, a stop, or an error. @returns the last event */
  async run(): Promise<TrainEvent> {
    const { live, data, options, control, progress } = this
    const forget = live.onRewind(() => progress.rewind())
    let [losses, lostAtStep] = [0, -1] // that were known when the run last had made a step
    const lostBefore = live.takeLostSteps()
    if (lostBefore > 0) progress.reporter.recovered(lostBefore)
    try {
      for (;;) {
        try {
          return await new DeviceRun(live, data, options, control, progress).train()
        } catch (error) {
          if (!(error instanceof DeviceLostError)) throw error
          if (progress.reportedStep > lostAtStep) [losses, lostAtStep] = [live.losses, progress.reportedStep]
          if (live.losses - losses >= MOST_LOSSES) throw error
          await this.recovered()
        }
      }
    } finally {
      forget()
    }
  }

  /** Waits for the next device. @throws the reason of the abort signal meanwhile; DeviceLostError when there is none */
  private async recovered(): Promise<void> {
    const { live, options: { signal }, progress } = this
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal!.reason)
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort)
      const over = live.recovered().finally(() => signal?.removeEventListener('abort', abort))
      over.then(resolve, reject)
    })
    live.takeLostSteps()
    progress.reporter.recovered(progress.reportedStep - progress.state.step)
  }
}
