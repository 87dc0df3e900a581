import type { OwnBytes } from './arrays.js'
import type { Dataset } from './data/dataset.js'
import { ElboError } from './errors.js'
import type { LabelOptions } from './model/labels.js'
import { classify, decode, encode, priorLatents, reconstruct, type DecodeOptions } from './model/inference.js'
import type { Codes, Posterior } from './model/latents/latent.js'
import type { Model } from './model/model.js'
import type { Objective } from './model/objectives/objective.js'
import { parameterCount } from './model/parameters.js'
import type { PixelCnn } from './model/prior/pixel-cnn.js'
import type { ModelRuntime } from './model/runtime.js'
import type { VaeSpec } from './model/spec.js'
import { NO_UPDATE, type Optimizer } from './ops/update.js'
import type { Plan } from './schedule/plan.js'
import type { Tensor } from './tensor.js'
import { activeUnits, type ActiveUnits } from './train/active-units.js'
import {
  readActiveUnitsOptions,
  readDecodeOptions,
  readEvaluateOptions,
  readLabelOptions,
  readLatents,
  readParameters,
  readSampling,
  type ActiveUnitsOptions,
  type EvaluateOptions,
  type SampleOptions,
} from './train/arguments.js'
import {
  CodePrior,
  type PriorEvaluation,
  type PriorEvent,
  type PriorInfo,
  type Settle,
} from './train/code-prior.js'
import { imageLosses, readLosses, type ImageLosses, type LossesOptions } from './train/image-losses.js'
import { evaluateSet, type Loss } from './train/evaluate.js'
import { importanceWeighted } from './train/importance.js'
import { saveModel, type Saved } from './train/file.js'
import type { LiveModel } from './train/live-model.js'
import { adam } from './train/optimizers.js'
import type { EvaluatePriorOptions, TrainPriorOptions } from './train/prior-options.js'
import { Run, type TrainOptions } from './train/run.js'
import { checkSet } from './train/sets.js'
import { SingleSteps } from './train/single-steps.js'
import { stateFor } from './train/state.js'
import type { TrainerOptions } from './train/device-run.js'
import { measureOf } from './train/stopping.js'
import { batchRows, runBatch, type Batch } from './train/step.js'
import { DEFAULT_BATCH, readTraining } from './train/check-training.js'
import { Trainer } from './train/trainer.js'

/**
 * A variational autoencoder on the GPU. Made by `engine.createVae` or `engine.load`.
 * While it trains, everything but `step` and a second `train` may be called: it sees the parameters as they are then.
 */
export class Vae {
  private trainer: Trainer | undefined
  private readonly steps: SingleSteps
  private readonly codePrior: CodePrior
  private planFor: { batch: number; optimizer: Optimizer; objective: Objective } | undefined

  /** @internal */
  constructor(
    private readonly live: LiveModel,
    private readonly seed: number,
    settle: Settle,
    prior?: LiveModel<PixelCnn>,
  ) {
    this.codePrior = new CodePrior(live, seed, settle, prior)
    this.steps = new SingleSteps(live, seed, () => this.checkIdle())
  }

  /** The specification, as plain JSON. */
  get spec(): VaeSpec {
    return this.live.model.spec
  }

  /** Number of trained values. */
  get parameterCount(): number {
    return parameterCount(this.live.runtime.arena.specs)
  }

  /** The optimiser of the last training; after `load` the saved one. */
  get optimizer(): Optimizer | undefined {
    return this.live.state?.optimizer
  }

  /** Where training stands; undefined before any. A run of so many steps in all has `steps: all - progress.step` to go. */
  get progress(): { step: number; epoch: number } | undefined {
    const { state } = this.live
    return state && { step: state.step, epoch: state.epoch }
  }

  /** The trained prior over the codes, of a vector-quantised model; undefined before the first step of `trainPrior`. */
  get prior(): PriorInfo | undefined {
    return this.codePrior.info
  }

  /** The dispatches of one training step: of the last `train`, before one for Adam and a batch of 100. `toString()` is a table. */
  get plan(): Plan {
    const standard = { batch: DEFAULT_BATCH, optimizer: this.optimizer ?? adam(), objective: {} }
    const { batch, optimizer, objective } = this.planFor ?? standard
    const input = { type: 'set' as const, count: batch, chunks: [{ first: 0, count: batch }] }
    const request = { batch, input, noise: 'drawn' as const, output: { update: optimizer }, ...objective }
    return this.live.model.compile(request, this.live.runtime.arena).plan
  }

  /**
   * Trains on a set, in an order shuffled anew every epoch. Starts at once; the returned run is looped over or awaited.
   * @throws SpecError, DataError, ShapeError at once; later errors come out of the run.
   */
  train(data: Dataset, options: TrainOptions): Run {
    this.checkIdle()
    this.checkNoSteps()
    const set = checkSet(this.live, data, 'train')
    const training = readTraining(this.live, set, options, this.klWeight)
    const { optimizer = this.optimizer ?? adam(), batchSize, klWeight, seed, objective, binarize } = training
    const { state, cleared } = stateFor(this.live.state, optimizer, seed ?? this.seed)
    if (seed !== undefined) state.seed = seed
    this.live.begin(state, cleared)
    this.planFor = { batch: batchSize, optimizer, objective }
    const validationWeight = typeof klWeight === 'number' ? klWeight : this.klWeight // epochs must compare
    const { validation, earlyStopping } = training
    const draws = { klWeight: validationWeight, binarize, importanceSamples: objective.importanceSamples }
    const settings: TrainerOptions = {
      ...training,
      measure: earlyStopping && measureOf(validation!, draws),
      evaluate: (runtime, images) => evaluateOn(runtime, images, readEvaluateOptions(this.live.model, images, draws)),
      save: (runtime) => this.fileOf({ runtime, state }),
    }
    return new Run(async (control, emit) => {
      this.trainer = new Trainer(this.live, state, set, settings, control, emit)
      try {
        return await this.trainer.run()
      } finally {
        this.trainer = undefined
      }
    })
  }

  /**
   * Trains a prior over the codes of a vector-quantised model: a gated PixelCNN (van den Oord et al. 2016), which
   * predicts every code from those before it, row by row, and from the class where it is conditional. From its first
   * step on `sample` draws from it, and `save`, `load` and `parameters` (as `prior.*`) have it. Called again it goes on,
   * with another network it begins anew.
   *
   * The codes are those of the set now: train the model first. A model that is trained on gives other codes, and its
   * prior is to be trained on, too.
   * @throws SpecError, DataError, ShapeError at once; later errors come out of the run
   */
  trainPrior(data: Dataset, options: TrainPriorOptions): Run<PriorEvent> {
    this.checkIdle()
    this.checkNoSteps()
    return this.codePrior.train(data, options, (own) => {
      return saveModel({ runtime: this.live.runtime, state: this.live.state }, this.seed, own)
    })
  }

  /**
   * What the codes of a set's images cost under the trained prior, and at least would if each were drawn alone.
   * @throws SpecError without a trained prior; DataError, ShapeError
   */
  async evaluatePrior(data: Dataset, options: EvaluatePriorOptions = {}): Promise<PriorEvaluation> {
    return this.codePrior.evaluate(data, options)
  }

  /**
   * The posterior q(z|x) of images `[batch, height, width, channels]` in [0, 1]: mean and log-variance, `[batch, latent]` each.
   * A deterministic latent has a mean only: the code. A vector-quantised one has `codes`, and as mean their vectors.
   * Those of a recurrent model are `[batch, steps, latent]`, z being the mean in the steps before.
   * @throws ShapeError, DataError
   */
  async encode(images: Tensor | Float32Array, options: LabelOptions = {}): Promise<Posterior> {
    const labels = readLabelOptions(this.live.model, options, 'encode')
    return this.live.use((runtime) => encode(runtime, images, labels))
  }

  /**
   * Images `[batch, height, width, channels]` in [0, 1] of latents `[batch, latent]`; of a vector-quantised model, of
   * codes `[batch, h, w]` or of vectors `[batch, h, w, size]`; of a recurrent model, of latents `[batch, steps, latent]`, with
   * `everyStep` the canvas after every step, `[batch, steps, height, width, channels]`.
   * @throws ShapeError; DataError for values that are not finite, or codes that there are not
   */
  async decode(latents: Tensor | Float32Array | Codes | Uint32Array, options: DecodeOptions = {}): Promise<Tensor> {
    const read = readDecodeOptions(this.live.model, options)
    const given = readLatents(latents)
    return this.live.use((runtime) => decode(runtime, given, read))
  }

  /** Images decoded from the posterior mean of images. @throws ShapeError, DataError */
  async reconstruct(images: Tensor | Float32Array, options: LabelOptions = {}): Promise<Tensor> {
    const labels = readLabelOptions(this.live.model, options, 'reconstruct')
    return this.live.use((runtime) => reconstruct(runtime, images, labels))
  }

  /**
   * Images decoded from draws of the prior N(0, 1); the same seed draws the same latents.
   * A deterministic latent has no prior: its draws are N(0, 1) too, and need not look like the data.
   * A vector-quantised model draws its codes from its trained prior, one after another. Without one it draws each code
   * alone, by how often training chose it in this epoch and the one before (each alike before any
   * training): the empirical prior, which knows nothing of how codes go together.
   * @throws DataError unless `count` is a whole number from 1 on, and its images fit 2 GiB
   */
  async sample(count: number, options: SampleOptions = {}): Promise<Tensor> {
    const { codePrior, seed: own, live } = this
    const prior = codePrior.info?.network
    const { independent, ...draws } = readSampling(live.model, count, options, { seed: own, prior })
    if (!prior || independent) {
      const { labels } = draws
      return live.use(async (runtime) => decode(runtime, await priorLatents(runtime, draws), { labels }))
    }
    const codes = await codePrior.draw(draws)
    return live.use((runtime) => decode(runtime, codes, {})) // the labels are the prior's alone
  }

  /**
   * The loss over a whole set, one draw of z an image; with importance samples the importance-weighted bound too.
   * @throws DataError, ShapeError, SpecError
   */
  async evaluate(data: Dataset, options: EvaluateOptions = {}): Promise<Loss> {
    const set = checkSet(this.live, data, 'evaluate')
    const given = readEvaluateOptions(this.live.model, set, options)
    return this.live.use((runtime) => evaluateOn(runtime, set, given))
  }

  /**
   * The probability of every class `[batch, classes]` of images `[batch, height, width, channels]`, of a model with a
   * classifier.
   * @throws ShapeError, DataError; SpecError without a classifier
   */
  async classify(images: Tensor | Float32Array): Promise<Tensor> {
    return this.live.use((runtime) => classify(runtime, images))
  }

  /**
   * The losses of every image of `[batch, height, width, channels]`: means over draws of z. A high reconstruction loss
   * says that an image is unlike what the model has learned.
   * @throws ShapeError, DataError, SpecError
   */
  async losses(images: Tensor | Float32Array, options: LossesOptions = {}): Promise<ImageLosses> {
    const given = readLosses(this.live, images, options)
    return this.live.use((runtime) => imageLosses(runtime, given))
  }

  /**
   * How many dimensions of the latent are in use: those where the posterior mean's variance over the set is above the
   * threshold, 0.01 unless given (Burda et al. 2016).
   * @throws DataError, ShapeError; SpecError for a vector-quantised model
   */
  async activeUnits(data: Dataset, options: ActiveUnitsOptions = {}): Promise<ActiveUnits> {
    const { threshold } = readActiveUnitsOptions(options)
    return this.live.use((runtime) => activeUnits(runtime, data, threshold))
  }

  /**
   * One update on the caller's own batch, with the moments and step count that `train` has too. Returns the loss before the
   * update.
   * @throws ShapeError, DataError, SpecError; NumericError, with the parameters unchanged.
   */
  async step(batch: Batch, optimizer: Optimizer): Promise<Loss> {
    return this.steps.take(batch, optimizer)
  }

  /**
   * Loss of a batch and its gradients by every parameter, in the parameters' names and shapes. Changes nothing.
   * @throws ShapeError, DataError, SpecError; NumericError when one is not finite
   */
  async gradients(batch: Batch): Promise<{ loss: Loss; gradients: Record<string, Tensor> }> {
    const settings = { klWeight: this.klWeight, seed: this.seed, counter: 0, ...NO_UPDATE }
    const rows = batchRows(this.live, batch, 'gradients')
    return this.live.use(async (runtime) => {
      const { loss, gradients } = await runBatch(runtime, rows, 'gradients', settings)
      return { loss, gradients: runtime.named(gradients, { trained: true }) }
    })
  }

  /**
   * Every parameter under PyTorch's name, in PyTorch's shape; after early stopping those of the best epoch. Those of a
   * trained prior come last.
   */
  async parameters(): Promise<Record<string, Tensor>> {
    const own = await this.live.use((runtime) => runtime.read('parameters'))
    const prior = await this.codePrior.trained?.use((runtime) => runtime.read('parameters'))
    return { ...own, ...prior }
  }

  /**
   * Sets parameters by name; those left out keep their values. Training goes on from them, also after early stopping,
   * which else has it go on from others than the best.
   * @throws ShapeError for an unknown name or another shape, DataError for a value that is not finite; then none is set
   */
  async setParameters(values: Record<string, Tensor>): Promise<void> {
    const { trained } = this.codePrior
    const parts = [this.live, ...(trained ? [trained] : [])]
    const parameters = readParameters(values, parts.flatMap(({ runtime }) => runtime.arena.specs))
    for (const live of parts) {
      const names = live.runtime.arena.specs.map(({ name }) => name)
      const own = Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name)))
      if (live === trained && Object.keys(own).length === 0) continue
      await live.use((runtime) => {
        live.set(own)
        return runtime.agreed()
      })
    }
  }

  /**
   * The model as a `.safetensors` file: parameters, specification and, after training, all that going on bit for bit needs
   * (moments, step, epoch, place in the data, seed). May be called while training runs.
   */
  save(): Promise<OwnBytes> {
    return this.live.use((runtime) => {
      return this.fileOf({ runtime, state: this.trainer?.submittedState ?? this.live.state })
    })
  }

  /** Frees the model's GPU memory; a run under way fails. */
  destroy(): void {
    this.live.destroy()
    this.codePrior.destroy()
  }

  private fileOf(model: Saved<Model>): Promise<Uint8Array<ArrayBuffer>> {
    return saveModel(model, this.seed, this.codePrior.saved)
  }

  private checkIdle(): void {
    if (!this.trainer && !this.codePrior.trains) return
    throw new ElboError('busy', 'this model is training; stop() that run first, or await its done')
  }

  private checkNoSteps(): void {
    if (this.steps.areUnderWay) throw new ElboError('busy', 'a single step is under way; await it before training')
  }

  private get klWeight(): number {
    return this.live.model.klWeight
  }
}

async function evaluateOn(
  runtime: ModelRuntime,
  data: Dataset,
  { importanceSamples: samples, ...draws }: ReturnType<typeof readEvaluateOptions>,
): Promise<Loss> {
  const loss = await evaluateSet(runtime, data, draws)
  if (samples === 0) return loss
  return { ...loss, importanceWeighted: await importanceWeighted(runtime, data, { samples, ...draws }) }
}
