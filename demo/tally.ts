import type { Loss, TrainEvent } from '../src/index.js'
import type { Progress } from './messages.js'

const parts = ['total', 'reconstruction', 'kl', 'quantization'] as const

/** Gathers a run's events into one report: means over the steps since the last one. */
export class Tally {
  private step: number
  private epoch = 0
  private imagesPerSecond = 0
  private validation: Loss | undefined
  private codes: Pick<TrainEvent, 'perplexity' | 'codesUsed'> = {}
  private readonly sum = { total: 0, reconstruction: 0, kl: 0, quantization: 0 }

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
    for (const part of parts) this.sum[part] += (step - this.step) * (loss[part] ?? 0)
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
      loss: {
        total: sum.total / steps,
        reconstruction: sum.reconstruction / steps,
        kl: sum.kl / steps,
        quantization: sum.quantization / steps,
      },
      validation,
      perplexity: codes.perplexity,
      codesUsed: codes.codesUsed,
      imagesPerSecond,
      msPerStep: (1000 * batchSize) / imagesPerSecond,
    }
  }
}
