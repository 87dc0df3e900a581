import type { Dataset } from '../data/dataset.js'
import { BufferUsage } from '../device/flags.js'
import { DataError, NumericError, SpecError } from '../errors.js'
import type { Objective } from '../model/gaussian.js'
import type { ModelRuntime } from '../model/runtime.js'
import { checkRate, rateAt, type Rate } from '../ops/rates.js'
import { updateFactors } from '../ops/update.js'
import { shuffledOrder, streamKey, STREAMS } from '../random.js'
import { Pace } from '../schedule/pace.js'
import { MOST_STEPS } from '../schedule/step.js'
import { StepQueue, type StepLoss } from '../schedule/step-queue.js'
import { lossOf, type Loss } from './evaluate.js'
import { Meter } from './meter.js'
import type { Control, TrainEvent, TrainOptions } from './run.js'
import { checkAugmentation, checkSet, checkWeight, checkWhole } from './sets.js'
import type { TrainingState } from './state.js'

/** What a trainer needs besides the model and the data. */
export interface TrainerOptions extends TrainOptions {
  batchSize: number
  klWeight: Rate
  objective: Objective
  /** Evaluates the validation set. */
  evaluate(data: Dataset): Promise<Loss>
  /** The saved file, for checkpoints. */
  save(): Promise<Uint8Array>
}

/** One step of a submission, remembered until its losses arrive. */
interface Submitted {
  step: number
  epoch: number
  batch: number
  epochEnd: boolean
  klWeight: number
}

/** Runs the training loop: fills the queue with steps, turns what comes back into events. */
export class Trainer {
  private readonly submitted: TrainingState
  private readonly pace = new Pace(MOST_STEPS)
  private readonly meter = new Meter()
  private readonly firstStep: number
  private readonly totalSteps: number
  private readonly sums = { total: 0, reconstruction: 0, kl: 0, images: 0 }
  private readonly best = { loss: Infinity, epoch: 0 }
  private last: TrainEvent | undefined
  private lastStep: Submitted | undefined
  private emit: (event: TrainEvent) => void = () => {}
  private imagesPerSecond = 0
  private failure: unknown
  private orderEpoch = -1
  /** Times that every code was chosen in the epoch, as of the last submission that has arrived. */
  private usage: Uint32Array = new Uint32Array()

  /** @param state is moved on as results arrive: it always says what the parameters on the GPU have seen. */
  constructor(
    private readonly runtime: ModelRuntime,
    private readonly state: TrainingState,
    private readonly data: Dataset,
    private readonly options: TrainerOptions,
  ) {
    if (state.cursor >= data.count) Object.assign(state, { cursor: 0, epoch: state.epoch + 1 }) // another, smaller set
    this.firstStep = state.step
    this.submitted = { ...state }
    const { epochs, steps, batchSize } = options
    const perEpoch = Math.ceil(data.count / batchSize)
    const left = Math.ceil((data.count - state.cursor) / batchSize)
    this.totalSteps = state.step + (steps ?? left + (epochs! - 1) * perEpoch)
  }

  /** What the parameters will have seen once everything submitted so far has run. */
  get submittedState(): TrainingState {
    return { ...this.submitted }
  }

  /** Trains until the end, a stop, or an error. */
  async run(control: Control, emit: (event: TrainEvent) => void): Promise<TrainEvent> {
    this.emit = emit
    const { runtime, data, options, state } = this
    const set = runtime.set(data)
    const { binarize, flip } = options
    const input = { type: 'set', count: data.count, chunks: set.chunks, binarize, flip } as const
    const output = { update: state.optimizer }
    const request = { batch: options.batchSize, input, noise: 'drawn', output, ...options.objective } as const
    return runtime.with(request, async (program) => {
      const { device, uniform } = runtime.context
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
      const order = device.createBuffer({ label: 'order', size: 4 * data.count, usage })
      runtime.bind(program, { ...set.storages, order })
      const queue = new StepQueue(device, uniform, program, runtime.codebook?.usage)
      try {
        return await this.loop(control, queue, order)
      } finally {
        queue.destroy()
        order.destroy()
      }
    })
  }

  private async loop(control: Control, queue: StepQueue, order: GPUBuffer): Promise<TrainEvent> {
    const { signal } = this.options
    const wake = () => control.changed()
    signal?.addEventListener('abort', wake)
    const forget = this.runtime.onEnd(wake)
    const underWay = new Set<Promise<void>>()
    const drain = async () => {
      await this.runtime.guard(Promise.all(underWay))
      this.pace.interrupt()
      if (this.failure) throw this.failure
    }
    try {
      while (this.goesOn(control)) {
        this.runtime.check()
        signal?.throwIfAborted()
        if (control.held) {
          await drain()
          if (control.held && !signal?.aborted) await control.change()
          this.meter.restart()
          continue
        }
        await this.runtime.guard(queue.ready())
        if (this.failure) throw this.failure
        this.runtime.check()
        const steps = this.addSteps(queue, order)
        const submission = queue.submit((losses, failed, _ring, usage) => {
          this.usage = usage
          this.report(losses, failed, steps)
        })
        submission.then(() => underWay.delete(submission), () => {})
        underWay.add(submission)
        if (this.mustWait(steps.at(-1)!)) {
          await drain()
          await this.betweenSteps(steps.at(-1)!)
        }
      }
      await drain()
      if (this.sums.images > 0) this.flush(this.lastStep!)
      if (this.best.epoch > 0 && !this.last!.best) this.runtime.copy('best', 'parameters')
      return this.last!
    } catch (error) {
      await Promise.allSettled(underWay)
      throw error
    } finally {
      signal?.removeEventListener('abort', wake)
      forget()
    }
  }

  /** A stop is heeded after the first step, so that there is always an event to end with. */
  private goesOn(control: Control): boolean {
    const { patience = Infinity } = this.options.earlyStopping ?? {}
    if (this.best.epoch > 0 && this.state.epoch - this.best.epoch >= patience) return false
    return this.submitted.step < this.totalSteps && !(control.stopped && this.submitted.step > this.firstStep)
  }

  /** Adds as many steps as the pace allows, none beyond this epoch or the next checkpoint. */
  private addSteps(queue: StepQueue, order: GPUBuffer): Submitted[] {
    const { submitted, data, options } = this
    if (this.orderEpoch !== submitted.epoch) {
      const shuffled = shuffledOrder(data.count, submitted.seed, submitted.epoch) as Uint32Array<ArrayBuffer>
      this.runtime.context.device.queue.writeBuffer(order, 0, shuffled)
      this.orderEpoch = submitted.epoch
      if (submitted.cursor === 0) this.runtime.codebook?.beginEpoch()
    }
    const seed = streamKey(submitted.seed, STREAMS.NOISE)
    const every = options.checkpoint?.everySteps ?? Infinity
    const steps: Submitted[] = []
    const most = Math.min(this.pace.stepsPerSubmission, queue.mostSteps(options.batchSize))
    while (steps.length < most && submitted.step < this.totalSteps) {
      const batch = Math.min(options.batchSize, data.count - submitted.cursor)
      const factors = updateFactors(submitted.optimizer, submitted.step + 1)
      const { cursor, step: counter } = submitted
      const klWeight = rateAt(options.klWeight, counter)
      queue.add({ batch, cursor, counter, seed, scale: 1 / batch, klWeight, ...factors })
      advance(submitted, batch, data.count)
      const epochEnd = submitted.cursor === 0
      steps.push({ step: submitted.step, epoch: submitted.epoch + (epochEnd ? 0 : 1), batch, epochEnd, klWeight })
      if (epochEnd || submitted.step % every === 0) break
    }
    return steps
  }

  /** The results of one submission have arrived. */
  private report(losses: StepLoss[], failed: number | undefined, steps: readonly Submitted[]): void {
    this.pace.completed(steps.length, performance.now())
    this.imagesPerSecond = this.meter.add(steps.reduce((sum, { batch }) => sum + batch, 0))
    if (this.failure) return
    for (const [i, step] of steps.entries()) {
      const mean = losses[i]
      const finite = Number.isFinite(mean.reconstruction + mean.kl)
      if (!finite || i === failed) {
        this.failure = numericError(step, finite)
        return
      }
      advance(this.state, step.batch, this.data.count)
      this.count(step, mean)
    }
  }

  /** Adds a step to the running mean, and makes an event of it when it is time. */
  private count(step: Submitted, mean: StepLoss): void {
    const { sums, options, totalSteps } = this
    sums.total += lossOf(this.runtime, mean, step.klWeight).total * step.batch
    sums.reconstruction += mean.reconstruction * step.batch
    sums.kl += mean.kl * step.batch
    sums.images += step.batch
    this.lastStep = step
    if (step.epochEnd || step.step === totalSteps || step.step % (options.reportEvery ?? 1) === 0) {
      this.flush(step)
    }
  }

  private flush({ step, epoch, epochEnd }: Submitted): void {
    const { sums, options, totalSteps, imagesPerSecond } = this
    const { total, reconstruction, kl, images } = sums
    const means = { reconstruction: reconstruction / images, kl: kl / images }
    const loss = { ...lossOf(this.runtime, means, 1), total: total / images }
    sums.total = sums.reconstruction = sums.kl = sums.images = 0
    this.last = { step, epoch, loss, imagesPerSecond, totalSteps, epochEnd, ...usageOf(this.usage) }
    if (!(epochEnd && options.validation)) this.emit(this.last) // else once the validation's loss is known
  }

  private mustWait({ step, epochEnd }: Submitted): boolean {
    const { validation, checkpoint } = this.options
    return (epochEnd && validation !== undefined) || (checkpoint !== undefined && step % checkpoint.everySteps === 0)
  }

  /** Validation and checkpoint, with the queue empty. */
  private async betweenSteps({ step, epochEnd }: Submitted): Promise<void> {
    const { validation, checkpoint, evaluate, save } = this.options
    if (epochEnd && validation) {
      const loss = await evaluate(validation)
      this.last = { ...this.last!, validation: loss, ...(this.options.earlyStopping && { best: this.isBest(loss) }) }
      this.emit(this.last)
    }
    if (checkpoint && step % checkpoint.everySteps === 0) await checkpoint.save(await save())
    this.meter.restart()
  }

  /** Keeps a copy of the parameters when the epoch just ended is the best so far. */
  private isBest({ total, importanceWeighted: loss = total }: Loss): boolean {
    const { best, state, options } = this
    if (loss >= best.loss - (options.earlyStopping?.minimumGain ?? 0)) return false
    Object.assign(best, { loss, epoch: state.epoch })
    this.runtime.copy('parameters', 'best')
    return true
  }
}

/** How evenly and how many of the codes are used; nothing for a model without. */
function usageOf(usage: Uint32Array): Pick<TrainEvent, 'perplexity' | 'codesUsed'> {
  if (usage.length === 0) return {}
  const total = usage.reduce((sum, times) => sum + times, 0)
  const entropy = usage.reduce((sum, times) => (times ? sum - (times / total) * Math.log(times / total) : sum), 0)
  return { perplexity: Math.exp(entropy), codesUsed: usage.filter((times) => times > 0).length }
}

function advance(state: TrainingState, batch: number, count: number): void {
  state.step++
  state.cursor += batch
  if (state.cursor < count) return
  state.cursor = 0
  state.epoch++
}

function numericError({ step, epoch }: Submitted, lossIsFinite: boolean): NumericError {
  const what = lossIsFinite ? 'a gradient' : 'the loss'
  return new NumericError(
    `training: ${what} stopped being finite at step ${step} (epoch ${epoch}); ` +
      'the parameters are those from before. A smaller learning rate usually helps',
  )
}

/** @throws SpecError, DataError, ShapeError before anything is touched. */
export function checkTraining(
  runtime: ModelRuntime,
  data: Dataset,
  options: TrainOptions & { batchSize: number; klWeight: Rate },
): void {
  checkSet(runtime, data, 'train')
  if (options.validation) checkSet(runtime, options.validation, 'train: validation')
  const { epochs, steps, batchSize, klWeight, seed = 0, reportEvery = 1, checkpoint } = options
  if ((epochs === undefined) === (steps === undefined)) throw new SpecError('train', 'needs either epochs or steps')
  checkRate(klWeight, 'train.klWeight')
  checkAugmentation(options, 'train')
  checkEarlyStopping(options)
  checkWhole(seed, 'train.seed', 0)
  checkWhole((epochs ?? steps)!, epochs === undefined ? 'train.steps' : 'train.epochs')
  checkWhole(batchSize, 'train.batchSize')
  checkWhole(reportEvery, 'train.reportEvery')
  if (checkpoint) checkWhole(checkpoint.everySteps, 'train.checkpoint.everySteps')
  if (batchSize > data.count) {
    throw new DataError(`train: a batch of ${batchSize} is larger than the set of ${data.count}; take batchSize ${data.count} or less`)
  }
}

function checkEarlyStopping({ earlyStopping, validation }: TrainOptions): void {
  if (!earlyStopping) return
  checkWhole(earlyStopping.patience, 'train.earlyStopping.patience')
  checkWeight(earlyStopping.minimumGain ?? 0, 'train.earlyStopping.minimumGain')
  if (!validation) throw new SpecError('train.earlyStopping', 'needs a validation set to judge the epochs by')
}
