import type { Dataset } from '../data/dataset.js'
import { BufferUsage } from '../device/flags.js'
import { NumericError } from '../errors.js'
import type { ModelRuntime } from '../model/runtime.js'
import { rateAt } from '../ops/rates.js'
import { updateFactors } from '../ops/update.js'
import { shuffledOrder, streamKey, STREAMS } from '../random.js'
import { Pace } from '../schedule/pace.js'
import { MOST_STEPS } from '../schedule/step.js'
import { StepQueue, type StepLoss } from '../schedule/step-queue.js'
import type { Loss } from './evaluate.js'
import { Meter } from './meter.js'
import { Reporter, type RunStep } from './reporter.js'
import type { Control, TrainEvent, TrainOptions } from './run.js'
import type { TrainingState } from './state.js'
import { beginWaiting, holdBest, judgeEpoch, resumeTraining } from './stopping.js'
import type { Training } from './check-training.js'

/** What a trainer needs besides the model and the data. */
export interface TrainerOptions extends Training {
  /** With early stopping: what the validation losses are measured on and how. */
  measure?: string
  /** Evaluates the validation set. */
  evaluate(data: Dataset): Promise<Loss>
  /** The saved file, for checkpoints. */
  save(): Promise<Uint8Array>
}

/** One training run: fills the queue with steps, and hands what comes back to the reporter. */
export class Trainer {
  private readonly submitted: TrainingState
  private readonly pace = new Pace(MOST_STEPS)
  private readonly meter = new Meter()
  private readonly reporter: Reporter
  private readonly firstStep: number
  private readonly totalSteps: number
  private failure: unknown
  private stopsEarly = false
  private orderEpoch = -1

  /** @param state is moved on as results arrive: it always says what the parameters on the GPU have seen. */
  constructor(
    private readonly runtime: ModelRuntime,
    private readonly state: TrainingState,
    private readonly data: Dataset,
    private readonly options: TrainerOptions,
    private readonly control: Control,
    emit: (event: TrainEvent) => void,
  ) {
    if (state.cursor >= data.count) Object.assign(state, { cursor: 0, epoch: state.epoch + 1 }) // another, smaller set
    resumeTraining(runtime, state)
    beginWaiting(state, options.measure)
    this.firstStep = state.step
    this.submitted = { ...state }
    const { epochs, steps, batchSize, reportEvery: every = 1, validation } = options
    const perEpoch = Math.ceil(data.count / batchSize)
    const left = Math.ceil((data.count - state.cursor) / batchSize)
    this.totalSteps = state.step + (steps ?? left + (epochs! - 1) * perEpoch)
    const reports = { every, totalSteps: this.totalSteps, validates: validation !== undefined }
    this.reporter = new Reporter(runtime, reports, emit)
  }

  /** What the parameters will have seen once everything submitted so far has run. */
  get submittedState(): TrainingState {
    return { ...this.submitted, stopping: this.state.stopping } // which changes only while nothing is under way
  }

  /** Trains until the end, a stop, or an error. @returns the last event */
  async run(): Promise<TrainEvent> {
    const { runtime, data, options, state } = this
    const set = runtime.set(data)
    const { binarize, flip } = options
    const input = { type: 'set', count: data.count, chunks: set.chunks, floats: set.floats, binarize, flip } as const
    const output = { update: state.optimizer }
    const request = { batch: options.batchSize, input, noise: 'drawn', output, ...options.objective } as const
    const training = runtime.with(request, async (program) => {
      const { device, uniform } = runtime.context
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
      const order = runtime.allocate({ label: 'order', size: 4 * data.count, usage })
      let queue: StepQueue | undefined
      try {
        runtime.bind(program, { ...set.storages, order })
        queue = new StepQueue(device, uniform, program, runtime.codebook?.usage)
        await this.loop(queue, order)
      } finally {
        queue?.destroy()
        order.destroy()
      }
      return this.finish()
    })
    return training.finally(() => set.release())
  }

  private async loop(queue: StepQueue, order: GPUBuffer): Promise<void> {
    const { control, options: { signal } } = this
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
      while (this.goesOn()) {
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
        const submission = queue.submit((losses, failed, _ring, usage) => this.report(steps, losses, failed, usage))
        submission.then(() => underWay.delete(submission), () => {})
        underWay.add(submission)
        if (this.mustWait(steps.at(-1)!)) {
          await drain()
          await this.betweenSteps(steps.at(-1)!)
        }
      }
      await drain()
    } catch (error) {
      await Promise.allSettled(underWay)
      throw error
    } finally {
      signal?.removeEventListener('abort', wake)
      forget()
    }
  }

  /** A stop is heeded after the first step, so that there is always an event to end with. */
  private goesOn(): boolean {
    if (this.stopsEarly) return false
    return this.submitted.step < this.totalSteps && !(this.control.stopped && this.submitted.step > this.firstStep)
  }

  /** Adds as many steps as the pace allows, none beyond this epoch or the next checkpoint. */
  private addSteps(queue: StepQueue, order: GPUBuffer): RunStep[] {
    const { submitted, data, options } = this
    if (this.orderEpoch !== submitted.epoch) {
      const shuffled = shuffledOrder(data.count, submitted.seed, submitted.epoch)
      this.runtime.writeBuffer(order, 0, shuffled)
      this.orderEpoch = submitted.epoch
      if (submitted.cursor === 0) this.runtime.codebook?.beginEpoch()
    }
    const seed = streamKey(submitted.seed, STREAMS.NOISE)
    const every = options.checkpoint?.everySteps ?? Infinity
    const steps: RunStep[] = []
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
  private report(
    steps: readonly RunStep[],
    losses: readonly StepLoss[],
    failed: number | undefined,
    usage: Uint32Array,
  ): void {
    this.pace.completed(steps.length, performance.now())
    this.reporter.observe(this.meter.add(steps.reduce((sum, { batch }) => sum + batch, 0)), usage)
    if (this.failure) return
    for (const [i, step] of steps.entries()) {
      const mean = losses[i]
      const finite = Object.values(mean).every(Number.isFinite)
      if (!finite || i === failed) {
        this.failure = numericError(step, finite)
        return
      }
      advance(this.state, step.batch, this.data.count)
      this.reporter.count(step, mean)
    }
  }

  private mustWait({ step, epochEnd }: RunStep): boolean {
    const { validation, checkpoint } = this.options
    return (epochEnd && validation !== undefined) || (checkpoint !== undefined && step % checkpoint.everySteps === 0)
  }

  /** Validation and checkpoint, with the queue empty. */
  private async betweenSteps({ step, epochEnd }: RunStep): Promise<void> {
    const { validation: set, checkpoint, earlyStopping, evaluate, save } = this.options
    if (epochEnd && set) {
      const validation = await evaluate(set)
      this.reporter.validated({ validation, ...(earlyStopping && { best: this.judge(validation, earlyStopping) }) })
    }
    if (checkpoint && step % checkpoint.everySteps === 0) await checkpoint.save(await save())
    this.meter.restart()
  }

  /** @returns whether the epoch just ended is the best so far */
  private judge(loss: Loss, { patience, minimumGain }: NonNullable<TrainOptions['earlyStopping']>): boolean {
    const { runtime, state } = this
    const isBest = judgeEpoch(runtime, state, loss, minimumGain)
    this.stopsEarly = state.stopping!.waited >= patience
    return isBest
  }

  private finish(): TrainEvent {
    holdBest(this.runtime, this.state, this.stopsEarly)
    return this.reporter.finish()
  }
}

function advance(state: TrainingState, batch: number, count: number): void {
  state.step++
  state.cursor += batch
  if (state.cursor < count) return
  state.cursor = 0
  state.epoch++
}

function numericError({ step, epoch }: RunStep, lossIsFinite: boolean): NumericError {
  const what = lossIsFinite ? 'a gradient' : 'the loss'
  return new NumericError(
    `training: ${what} stopped being finite at step ${step} (epoch ${epoch}); ` +
      'the parameters are those from before. A smaller learning rate usually helps',
  )
}
