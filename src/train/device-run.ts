import type { Dataset } from '../data/dataset.js'
import { BufferUsage } from '../device/flags.js'
import { DeviceLostError, NumericError } from '../errors.js'
import type { Model } from '../model/model.js'
import type { Network } from '../model/network.js'
import type { ModelRuntime, Program } from '../model/runtime.js'
import { rateAt } from '../ops/rates.js'
import { updateFactors } from '../ops/update.js'
import { streamKey, STREAMS } from '../random.js'
import { StepQueue, type StepLoss } from '../schedule/step-queue.js'
import type { Training } from './check-training.js'
import { savedContents } from './contents.js'
import { areFinite, findCulprit, notFinite } from './culprit.js'
import { lossOf, type Loss } from './evaluate.js'
import type { LiveModel } from './live-model.js'
import type { Progress } from './progress.js'
import type { RunStep } from './reporter.js'
import type { Control, TrainEvent, TrainOptions } from './run.js'
import { Safeguard } from './safeguard.js'
import { beginWaiting, holdBest, judgeEpoch, resumeTraining } from './stopping.js'

/** What a trainer needs besides the model and the data. */
export interface TrainerOptions<N extends Network = Model> extends Training {
  /** With early stopping: what the validation losses are measured on and how. */
  measure?: string
  /** Evaluates the validation set. */
  evaluate(runtime: ModelRuntime<N>, data: Dataset): Promise<Loss>
  /** The saved file, for checkpoints. */
  save(runtime: ModelRuntime<N>): Promise<Uint8Array>
}

/** A step, with what the queue was given. */
interface QueuedStep extends RunStep {
  values: Parameters<StepQueue['add']>[0]
}

/** A step whose loss or gradient is not finite. */
interface Failure {
  step: QueuedStep
  loss: StepLoss
}

/** The part of a run that is on one device: fills the queue with steps, and hands what comes back to the reporter. */
export class DeviceRun<N extends Network = Model> {
  private readonly runtime: ModelRuntime<N>
  private readonly safeguard: Safeguard
  private failure: Failure | undefined

  constructor(
    private readonly live: LiveModel<N>,
    private readonly data: Dataset,
    private readonly options: TrainerOptions<N>,
    private readonly control: Control,
    private readonly progress: Progress,
  ) {
    this.runtime = live.runtime
    this.safeguard = new Safeguard(live, progress.health, options.onNonFinite !== 'stop')
  }

  /** Trains until the end, a stop, or an error. @returns the last event */
  async train(): Promise<TrainEvent> {
    const { runtime, data, options, progress: { state, batches } } = this
    runtime.check()
    const set = runtime.set(data)
    const { binarize, flip } = options
    const entries = options.labeledPerBatch && { entries: batches.entries }
    const { chunks, floats } = set
    const input = { type: 'set', count: data.count, ...entries, chunks, floats, binarize, flip } as const
    const output = { update: state.optimizer }
    const request = { batch: options.batchSize, input, noise: 'drawn', output, ...options.objective } as const
    const training = runtime.with(request, async (program) => {
      const { device, uniform } = runtime.context
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
      const order = runtime.allocate({ label: 'order', size: 4 * batches.entries, usage })
      let queue: StepQueue | undefined
      try {
        runtime.bind(program, { ...set.storages, order })
        queue = new StepQueue(device, uniform, program, runtime.codebook?.usage)
        await this.begin()
        await this.loop(queue, order)
        return await this.finish()
      } catch (error) {
        throw queue ? await this.explained(program, queue, error) : error
      } finally {
        this.safeguard.destroy()
        queue?.destroy()
        order.destroy()
      }
    })
    return training.finally(() => set.release())
  }

  private begin(): Promise<void> {
    const { runtime, options, progress } = this
    resumeTraining(runtime, progress.state)
    beginWaiting(progress.state, options.measure)
    progress.submitted = { ...progress.state }
    progress.batches.forget()
    return this.safeguard.begin(progress.state)
  }

  private async loop(queue: StepQueue, order: GPUBuffer): Promise<void> {
    const { runtime, control, safeguard, progress, options: { signal } } = this
    const wake = () => control.changed()
    signal?.addEventListener('abort', wake)
    const forget = runtime.onEnd(wake)
    const underWay = new Set<Promise<void>>()
    const drain = async () => {
      await runtime.guard(Promise.all(underWay))
      progress.pace.interrupt()
      this.checkFailure()
    }
    try {
      while (this.goesOn()) {
        runtime.check()
        signal?.throwIfAborted()
        if (control.held) {
          await drain()
          if (control.held && !signal?.aborted) await control.change()
          progress.meter.restart()
          continue
        }
        await runtime.guard(queue.ready())
        this.checkFailure()
        runtime.check()
        const steps = this.addSteps(queue, order)
        const submission = queue.submit((losses, failed, _ring, usage) => this.report(steps, losses, failed, usage))
        submission.then(() => underWay.delete(submission), () => {})
        underWay.add(submission)
        safeguard.submitted(progress.submitted)
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

  /** A stop is heeded after the first step, so that there is always an event to end with, and not before that event. */
  private goesOn(): boolean {
    const { submitted: { step }, firstStep, reportedStep, totalSteps, stopsEarly } = this.progress
    return !stopsEarly && step < totalSteps && !(this.control.stopped && step > firstStep && step >= reportedStep)
  }

  /** Adds as many steps as the pace allows, none beyond this epoch or the next checkpoint. */
  private addSteps(queue: StepQueue, order: GPUBuffer): QueuedStep[] {
    const { runtime, options, progress: { submitted, batches, pace, totalSteps, checkpointer } } = this
    const images = batches.order(submitted)
    if (images) {
      runtime.writeBuffer(order, 0, images)
      if (submitted.cursor === 0) runtime.codebook?.beginEpoch()
    }
    const seed = streamKey(submitted.seed, STREAMS.NOISE)
    const steps: QueuedStep[] = []
    const most = Math.min(pace.stepsPerSubmission, queue.mostSteps(options.batchSize))
    while (steps.length < most && submitted.step < totalSteps) {
      const { batch, cursor } = batches.next(submitted)
      const factors = updateFactors(submitted.optimizer, submitted.step + 1)
      const { step: counter } = submitted
      const klWeight = rateAt(options.klWeight, counter)
      const values = { batch, cursor, counter, seed, scale: 1 / batch, klWeight, ...factors }
      queue.add(values)
      batches.advance(submitted, batch)
      const epochEnd = submitted.cursor === 0
      const epoch = submitted.epoch + (epochEnd ? 0 : 1)
      steps.push({ step: submitted.step, epoch, batch, epochEnd, klWeight, values })
      if (epochEnd || submitted.step % checkpointer.everySteps === 0) break
    }
    return steps
  }

  /**
   * The results of one submission have arrived. Some arrive once the device is lost and the next one has the model
   * (wgpu's do): training has gone back then, and they are made again.
   */
  private report(
    steps: readonly QueuedStep[],
    losses: readonly StepLoss[],
    failed: number | undefined,
    usage: Uint32Array,
  ): void {
    const { live, runtime, safeguard, progress } = this
    const { state, batches, reporter, pace, meter } = progress
    if (live.runtime !== runtime) return
    pace.completed(steps.length, performance.now())
    reporter.observe(meter.add(steps.reduce((sum, { batch }) => sum + batch, 0)), usage)
    if (this.failure) return
    for (const [i, step] of steps.entries()) {
      const loss = losses[i]
      if (!Object.values(loss).every(Number.isFinite) || i === failed) {
        this.failure = { step, loss }
        return
      }
      batches.advance(state, step.batch)
      safeguard.observe(step.step, lossOf(live, loss, step.klWeight).total)
      if (step.step <= progress.reportedStep) continue // made again
      progress.reportedStep = step.step
      reporter.count(step, loss)
    }
  }

  private mustWait({ step, epochEnd }: RunStep): boolean {
    return (epochEnd && this.options.validation !== undefined) || this.progress.checkpointer.isDue(step)
  }

  /** Validation and checkpoint, with the queue empty. */
  private async betweenSteps({ step, epochEnd }: RunStep): Promise<void> {
    const { runtime, progress, options: { validation: set, earlyStopping, evaluate, save } } = this
    const { checkpointer, reporter, meter } = progress
    if (epochEnd && set) {
      const validation = await evaluate(runtime, set)
      const best = earlyStopping && this.judge(validation, earlyStopping)
      if (step > progress.validatedStep) reporter.validated({ validation, ...(earlyStopping && { best }) })
      progress.validatedStep = Math.max(progress.validatedStep, step)
    }
    if (checkpointer.isDue(step)) await checkpointer.save(await save(runtime), step)
    meter.restart()
  }

  /** @returns whether the epoch just ended is the best so far */
  private judge(loss: Loss, { patience, minimumGain }: NonNullable<TrainOptions['earlyStopping']>): boolean {
    const { runtime, progress } = this
    const { state } = progress
    const isBest = judgeEpoch(runtime, state, loss, minimumGain)
    progress.stopsEarly = state.stopping!.waited >= patience
    progress.submitted.stopping = state.stopping
    return isBest
  }

  /** The end of training: the best there is, and a copy of everything on the host. */
  private async finish(): Promise<TrainEvent> {
    const { runtime, live, progress: { state, reporter, stopsEarly } } = this
    holdBest(runtime, state, stopsEarly)
    const last = reporter.finish()
    const words = await live.keep(state)
    // Naming the tensors copies them all.
    const bad = areFinite(words) ? undefined : notFinite(savedContents(runtime, state, words).tensors)
    if (bad) throw new NumericError(`the update of step ${last.step} left ${bad.value} in "${bad.name}"`, bad.name)
    return last
  }

  private checkFailure(): void {
    if (this.failure) throw new NumericError('a step failed') // explained below
  }

  /** What training ends with that fails: numbers that are not finite are explained, and taken back. */
  private async explained(program: Program, queue: StepQueue, error: unknown): Promise<unknown> {
    const { live, safeguard, progress: { state } } = this
    if (error instanceof DeviceLostError) return error
    if (!(error instanceof NumericError)) {
      await live.keep(state).catch(() => {}) // the error says more
      return error
    }
    const culprit = this.failure && (await this.culprit(program, queue, this.failure))
    const { sentence, tensor } = culprit ?? { sentence: error.message, tensor: error.tensor }
    const restored = safeguard.restore()
    if (restored) Object.assign(state, restored, { stopping: state.stopping })
    await live.keep(state)
    const now = restored
      ? `everything is back to what it was after step ${restored.step}, the last that is known to be good`
      : 'the parameters are those from before'
    return new NumericError(`training: ${sentence}. Now ${now}. A smaller learning rate usually helps`, tensor)
  }

  private culprit(program: Program, queue: StepQueue, { step: { step, epoch, values }, loss }: Failure) {
    return findCulprit(this.runtime, loss, ` stopped being finite at step ${step} (epoch ${epoch})`, async () => {
      queue.add(values) // changes nothing, for the status is set
      await queue.submit(() => {})
      return this.runtime.read(program.gradients!.storage as 'gradients' | 'gradient_sum')
    })
  }
}
