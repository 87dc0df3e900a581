import type { Dataset } from '../data/dataset.js'
import { SpecError } from '../errors.js'
import { labelRows, type LabelOptions } from '../model/labels.js'
import type { Codes } from '../model/latents/latent.js'
import { initialParameters, parameterCount } from '../model/parameters.js'
import { drawCodes, type CodeDraws } from '../model/prior/draw.js'
import { pixelCnnFor, type PixelCnn } from '../model/prior/pixel-cnn.js'
import type { PriorSpec } from '../model/prior/prior-spec.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Optimizer } from '../ops/update.js'
import type { Training } from './check-training.js'
import { EVALUATED_AT_ONCE, evaluateSet, type Loss } from './evaluate.js'
import type { Saved } from './file.js'
import type { HostCopy, LiveModel } from './live-model.js'
import { adam } from './optimizers.js'
import { checkClasses, checkHasCodes, readEvaluatePriorOptions, readPriorTraining } from './prior-options.js'
import { Run, type Control, type TrainEvent } from './run.js'
import { entropyOfCodes, setCodes } from './set-codes.js'
import { checkSet } from './sets.js'
import { stateFor } from './state.js'
import { measureOf } from './stopping.js'
import { Trainer } from './trainer.js'

/** What codes cost under a prior. */
export interface PriorLoss {
  /** −ln p(codes), nats per image. */
  total: number
  /** The same in bits per code of the map. */
  bitsPerCode: number
}

/** What a set's codes cost. */
export interface PriorEvaluation extends PriorLoss {
  /** What they would cost at least if every code were drawn alone: the entropy of how often the set has each. */
  independentBitsPerCode: number
}

/** What a run of `trainPrior` reports: as that of `train`, the losses being the codes'. */
export interface PriorEvent extends Pick<TrainEvent, Kept> {
  loss: PriorLoss
  validation?: PriorLoss
}

type Kept = 'type' | 'lostSteps' | 'step' | 'epoch' | 'imagesPerSecond' | 'totalSteps' | 'epochEnd' | 'best'

/** A trained prior: its network, how large it is, and where its training stands. */
export interface PriorInfo {
  network: PriorSpec
  /** Number of trained values. */
  parameterCount: number
  /** Of the last training; after `load` the saved one. */
  optimizer: Optimizer
  progress: { step: number; epoch: number }
}

/** Puts a prior's network on the model's device. */
export type Settle = (network: PixelCnn, copy: HostCopy) => Promise<LiveModel<PixelCnn>>

/** The prior over the codes of a model; there is none until its first step. */
export class CodePrior {
  private trainer: Trainer<PixelCnn> | undefined
  private running = false

  /** @param live the prior that there is already */
  constructor(
    private readonly model: LiveModel,
    private readonly seed: number,
    private readonly settle: Settle,
    private live?: LiveModel<PixelCnn>,
  ) {}

  /** A run is under way. */
  get trains(): boolean {
    return this.running
  }

  get info(): PriorInfo | undefined {
    const { state, model, runtime } = this.live ?? {}
    if (!state || state.step === 0) return undefined
    const { optimizer, step, epoch } = state
    const count = parameterCount(runtime!.arena.specs)
    return { network: { ...model!.prior }, parameterCount: count, optimizer, progress: { step, epoch } }
  }

  /** Where it lives, once it has learned something. */
  get trained(): LiveModel<PixelCnn> | undefined {
    return this.info && this.live
  }

  /** What the model's file has of it. */
  get saved(): Saved<PixelCnn> | undefined {
    const { trained: live } = this
    return live && { runtime: live.runtime, state: this.trainer?.submittedState ?? live.state }
  }

  /**
   * Trains on the codes of a set.
   * @param save the whole model's file, with what is saved of the prior
   */
  train(data: Dataset, options: unknown, save: (own: Saved<PixelCnn>) => Promise<Uint8Array>): Run<PriorEvent> {
    const set = checkSet(this.model, data, 'trainPrior')
    const { training, network } = readPriorTraining(this.model, set, options, this.live?.model.prior)
    return new Run<PriorEvent>(async (control, emit) => {
      this.running = true
      try {
        const codesOf = (images: Dataset) => this.model.use((runtime) => setCodes(runtime, images, training.signal))
        const codes = await codesOf(set)
        const validation = training.validation && { validation: await codesOf(training.validation) }
        const live = await this.liveWith(network)
        return await this.trainOn(live, codes, { ...training, ...validation }, save, control, emit)
      } finally {
        this.running = false
      }
    })
  }

  /** What the codes of a set cost. */
  async evaluate(data: Dataset, options: unknown): Promise<PriorEvaluation> {
    checkHasCodes(this.model.model, 'evaluatePrior')
    const { trained: live } = this
    if (!live) throw new SpecError('evaluatePrior', 'this model has no trained prior; call trainPrior first')
    const set = checkSet(this.model, data, 'evaluatePrior')
    checkClasses(set, live.model.prior, 'evaluatePrior')
    const { batchSize } = readEvaluatePriorOptions(options)
    const codes = await this.model.use((runtime) => setCodes(runtime, set))
    const loss = await live.use((runtime) => evaluateCodes(runtime, codes, batchSize))
    return { ...lossOf(live, loss), independentBitsPerCode: entropyOfCodes(codes, live.model.codes) }
  }

  /** Codes drawn from a trained prior. @throws DataError, ShapeError for labels that do not fit */
  async draw({ labels, ...draws }: Omit<CodeDraws, 'labels'> & LabelOptions): Promise<Codes> {
    const live = this.trained!
    const rows = labelRows(live.model, labels, draws.count)
    return live.use((runtime) => drawCodes(runtime, { ...draws, labels: rows }))
  }

  destroy(): void {
    this.live?.destroy()
  }

  private async trainOn(
    live: LiveModel<PixelCnn>,
    codes: Dataset,
    training: Training,
    save: (own: Saved<PixelCnn>) => Promise<Uint8Array>,
    control: Control,
    emit: (event: PriorEvent) => void,
  ): Promise<PriorEvent> {
    const { optimizer = live.state?.optimizer ?? adam(), seed, validation, earlyStopping } = training
    const { state, cleared } = stateFor(live.state, optimizer, seed ?? this.seed)
    if (seed !== undefined) state.seed = seed
    live.begin(state, cleared)
    const settings = {
      ...training,
      measure: earlyStopping && measureOf(validation!, { klWeight: 1 }),
      evaluate: (runtime: ModelRuntime<PixelCnn>, images: Dataset) => evaluateCodes(runtime, images),
      save: (runtime: ModelRuntime<PixelCnn>) => save({ runtime, state }),
    }
    this.trainer = new Trainer(live, state, codes, settings, control, (event) => emit(eventOf(live, event)))
    try {
      return eventOf(live, await this.trainer.run())
    } finally {
      this.trainer = undefined
    }
  }

  /** The prior with that network: the one that there is, or a new one in its place. */
  private async liveWith(network: PriorSpec): Promise<LiveModel<PixelCnn>> {
    const { live: before, model, seed } = this
    if (before && JSON.stringify(before.model.prior) === JSON.stringify(network)) return before
    const of = pixelCnnFor(model.model, network)
    const parameters = initialParameters(of.parameters(), seed)
    const live = await this.settle(of, { write: (runtime) => runtime.write('parameters', parameters) })
    try {
      model.runtime.check() // it may have been destroyed meanwhile
    } catch (error) {
      live.destroy()
      throw error
    }
    before?.destroy()
    this.live = live
    return live
  }
}

function lossOf({ model }: LiveModel<PixelCnn>, { total }: Loss): PriorLoss {
  return { total, bitsPerCode: total / (model.positions * Math.LN2) }
}

function eventOf(of: LiveModel<PixelCnn>, event: TrainEvent): PriorEvent {
  const { loss, validation, perplexity, codesUsed, ...kept } = event
  return { ...kept, loss: lossOf(of, loss), ...(validation && { validation: lossOf(of, validation) }) }
}

function evaluateCodes(runtime: ModelRuntime<PixelCnn>, codes: Dataset, batchSize = EVALUATED_AT_ONCE): Promise<Loss> {
  return evaluateSet(runtime, codes, { klWeight: 1, seed: 0, batchSize })
}
