import type { Loss, TrainEvent } from '../src/index.js'
import type { Progress } from './messages.js'

/** Gathers a run's events into one report: means over the steps since the last one. */
export class Tally {
  private step: number
  private epoch = 0
  private imagesPerSecond = 0
  private validation: Loss | undefined
  private codes: Pick<TrainEvent, 'perplexity' | 'codesUsed'> = {}
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

  add({ loss, imagesPerSecond, validation, ...codes }: TrainEvent, step: number, epoch: number): void {
    for (const part of Object.keys(loss) as (keyof Loss)[]) {
      this.sum[part] = (this.sum[part] ?? 0) + (step - this.step) * loss[part]!
    }
    this.codes = codes
    this.step = step
    this.epoch = epoch
    this.imagesPerSecond = imagesPerSecond
    this.validation = validation ?? this.validation
  }

  progress(batchSize: number): Progress {
    const { step, epoch, validation, codes, imagesPerSecond, sum } = this
    const steps = step - this.firstStep
    return {
      step,
      epoch,
      steps,
      loss: Object.fromEntries(Object.entries(sum).map(([part, value]) => [part, value / steps])) as Loss & object,
      validation,
      perplexity: codes.perplexity,
      codesUsed: codes.codesUsed,
      imagesPerSecond,
      msPerStep: (1000 * batchSize) / imagesPerSecond,
    }
  }
}
