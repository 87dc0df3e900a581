import { readOptions, readWhole, type Keys } from '../checks.js'
import type { Dataset } from '../data/dataset.js'
import { DataError, SpecError } from '../errors.js'
import { checkLabels } from '../model/labels.js'
import type { Model } from '../model/model.js'
import { readPriorSpec, type PriorSpec } from '../model/prior/prior-spec.js'
import type { ModelRuntime } from '../model/runtime.js'
import { readRunOptions, RUN_KEYS, type RunOptions, type Training } from './check-training.js'
import { EVALUATED_AT_ONCE } from './evaluate.js'

/** How to train a prior over codes: as `train`, without what is of images or of the KL term. */
export interface TrainPriorOptions extends RunOptions {
  /** Its network; what is not given is as it was, at first the default. Another one than before begins anew. */
  network?: Partial<PriorSpec>
}

/** How to evaluate a prior. */
export interface EvaluatePriorOptions {
  /** Images at a time, 128 unless given. */
  batchSize?: number
}

const KEYS: Keys<TrainPriorOptions> = { ...RUN_KEYS, network: true }

/**
 * Reads the options of `trainPrior`.
 * @param before the network that there is
 * @throws SpecError, DataError, ShapeError before anything is touched
 */
export function readPriorTraining(
  of: Pick<ModelRuntime, 'model'>,
  set: Dataset,
  options: unknown,
  before: PriorSpec | undefined,
): { training: Training; network: PriorSpec } {
  const given = readOptions<TrainPriorOptions>(options, 'trainPrior', KEYS)
  checkHasCodes(of.model, 'trainPrior')
  const network = readPriorSpec(given.network, 'trainPrior.network', before)
  const training = { ...readRunOptions(of, set, given, 'trainPrior'), klWeight: 1, objective: {} }
  checkClasses(set, network, 'trainPrior')
  if (training.validation) checkClasses(training.validation, network, 'trainPrior: validation')
  return { training, network }
}

/** @throws SpecError */
export function readEvaluatePriorOptions(options: unknown): Required<EvaluatePriorOptions> {
  const { batchSize = EVALUATED_AT_ONCE } = readOptions<EvaluatePriorOptions>(options, 'evaluatePrior', { batchSize: true })
  return { batchSize: readWhole(batchSize, 'evaluatePrior.batchSize', 1) }
}

/** @throws SpecError for a model without codes */
export function checkHasCodes({ latent }: Model, who: string): void {
  if (latent.codebook) return
  const way = 'train a model whose latent is { type: "vector-quantized" }'
  throw new SpecError(who, `a prior is over the codes of a vector-quantized model, this one is ${latent.type}; ${way}`)
}

/** @throws DataError unless the set has the labels that a prior is conditional on */
export function checkClasses({ labels }: Dataset, { classes }: PriorSpec, who: string): void {
  if (classes === undefined) return
  if (!labels) throw new DataError(`${who}: the prior is conditional on ${classes} classes, the data set has no labels`)
  checkLabels(labels, classes, `${who}: labels`)
}
