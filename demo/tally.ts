import type { Loss, TrainEvent } from '../src/index.js'
import type { Progress } from './messages.js'

/** Gathers a run's events into one report: means over the steps since the last one. */
export class Tally {
  private step: number
  private epoch = 0
  private imagesPerSecond = 0
  private validation: Loss | undefined
  private readonly sum: Loss = { total: 0, reconstruction: 0, kl: 0 }

  constructor(
    private readonly firstStep: number,
    readonly begunMs: number,
  ) {
    this.step = firstStep
  }

  get empty(): boolean {
    return this.step === this.firstStep
  }

  add({ loss, imagesPerSecond, validation }: TrainEvent, step: number, epoch: number): void {
    for (const part of ['total', 'reconstruction', 'kl'] as const) this.sum[part] += (step - this.step) * loss[part]
    this.step = step
    this.epoch = epoch
    this.imagesPerSecond = imagesPerSecond
    this.validation = validation ?? this.validation
  }

  progress(batchSize: number): Progress {
    const { step, epoch, validation, imagesPerSecond, sum } = this
    const steps = step - this.firstStep
    return {
      step,
      epoch,
      steps,
      loss: { total: sum.total / steps, reconstruction: sum.reconstruction / steps, kl: sum.kl / steps },
      validation,
      imagesPerSecond,
      msPerStep: (1000 * batchSize) / imagesPerSecond,
    }
  }
}
