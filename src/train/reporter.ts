import type { Network } from '../model/network.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { StepLoss } from '../schedule/step-queue.js'
import { lossOf, type Loss } from './evaluate.js'
import type { TrainEvent } from './run.js'

/** A step of a run. */
export interface RunStep {
  /** Updates done with it. */
  step: number
  /** The epoch it belongs to, from 1. */
  epoch: number
  /** Its images. */
  batch: number
  /** It is the last of its epoch. */
  epochEnd: boolean
  klWeight: number
}

/** What a run reports. */
export interface ReportOptions {
  /** An event every so many steps, at the end of every epoch, and at the end. */
  every: number
  totalSteps: number
  /** The event of an epoch's end waits for `validated`. */
  validates: boolean
}

/** Makes events of steps: means over the images since the last event. */
export class Reporter {
  /** Of the steps since the last event, each times its images. */
  private sums: StepLoss = {}
  private total = 0
  private images = 0
  private lastStep: RunStep | undefined
  private lastEvent: TrainEvent | undefined
  private told: TrainEvent | undefined
  /** Lost steps of devices that were lost before there was an event. */
  private readonly untold: number[] = []
  private imagesPerSecond = 0
  private usage: Uint32Array = new Uint32Array()

  constructor(
    private readonly of: Pick<ModelRuntime<Network>, 'model'>,
    private readonly options: ReportOptions,
    private readonly emit: (event: TrainEvent) => void,
  ) {}

  /**
   * What the coming steps' events tell besides their losses.
   * @param usage times that every code was chosen in the epoch; empty for a model without codes
   */
  observe(imagesPerSecond: number, usage: Uint32Array): void {
    this.imagesPerSecond = imagesPerSecond
    this.usage = usage
  }

  /** Adds a step to the running mean, and makes an event of it when it is time. */
  count(step: RunStep, mean: StepLoss): void {
    const { sums, options } = this
    this.total += lossOf(this.of, mean, step.klWeight).total * step.batch
    for (const [part, value] of Object.entries(mean)) sums[part] = (sums[part] ?? 0) + value * step.batch
    this.images += step.batch
    this.lastStep = step
    if (step.epochEnd || step.step === options.totalSteps || step.step % options.every === 0) this.flush(step)
  }

  /** Completes the event of the epoch that has just ended. */
  validated(results: Pick<TrainEvent, 'validation' | 'best'>): void {
    this.lastEvent = { ...this.lastEvent!, ...results }
    this.tell(this.lastEvent)
  }

  /** The device was lost and training is on the next one, so many steps further back. */
  recovered(lostSteps: number): void {
    if (this.told) this.emit({ ...this.told, type: 'recovered', lostSteps })
    else this.untold.push(lostSteps)
  }

  /** Reports the steps since the last event. @returns the last event of all */
  finish(): TrainEvent {
    if (this.images > 0) this.flush(this.lastStep!)
    return this.lastEvent!
  }

  private flush({ step, epoch, epochEnd }: RunStep): void {
    const { imagesPerSecond } = this
    const { totalSteps, validates } = this.options
    const loss = this.meanLoss()
    this.sums = {}
    this.total = this.images = 0
    this.lastEvent = { type: 'step', step, epoch, loss, imagesPerSecond, totalSteps, epochEnd, ...usageOf(this.usage) }
    if (!(epochEnd && validates)) this.tell(this.lastEvent)
  }

  private tell(event: TrainEvent): void {
    for (const lostSteps of this.untold.splice(0)) this.emit({ ...event, type: 'recovered', lostSteps })
    this.told = event
    this.emit(event)
  }

  private meanLoss(): Loss {
    const { sums, total, images } = this
    const means = Object.entries(sums).map(([part, sum]) => [part, sum / images])
    return { ...lossOf(this.of, Object.fromEntries(means), 1), total: total / images }
  }
}

/** How evenly and how many of the codes are used; nothing for a model without. */
function usageOf(usage: Uint32Array): Pick<TrainEvent, 'perplexity' | 'codesUsed'> {
  if (usage.length === 0) return {}
  const total = usage.reduce((sum, times) => sum + times, 0)
  const entropy = usage.reduce((sum, times) => (times ? sum - (times / total) * Math.log(times / total) : sum), 0)
  return { perplexity: Math.exp(entropy), codesUsed: usage.filter((times) => times > 0).length }
}
