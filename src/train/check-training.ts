import { describe, guarded, readFunction, readOptions, readWeight, readWhole, type Keys } from '../checks.js'
import type { Dataset } from '../data/dataset.js'
import { DataError, SpecError } from '../errors.js'
import { readObjective } from '../model/objectives/kinds.js'
import type { Objective } from '../model/objectives/objective.js'
import type { ModelRuntime } from '../model/runtime.js'
import { checkRate, type Rate } from '../ops/rates.js'
import { optimizerFrom } from './optimizers.js'
import type { TrainOptions } from './run.js'
import { checkSet, readAugmentation } from './sets.js'

/** What a call of `train` asks for, read and checked. */
export interface Training extends TrainOptions {
  batchSize: number
  klWeight: Rate
  objective: Objective
}

const KEYS: Keys<TrainOptions> = {
  epochs: true,
  steps: true,
  batchSize: true,
  optimizer: true,
  validation: true,
  klWeight: true,
  earlyStopping: true,
  seed: true,
  signal: true,
  reportEvery: true,
  checkpoint: true,
  binarize: true,
  flip: true,
  importanceSamples: true,
  freeBits: true,
}

/** Images an update unless given. */
export const DEFAULT_BATCH = 100

/**
 * Reads the options of `train`.
 * @param set the data, which is checked already
 * @param klWeight the specification's
 * @throws SpecError, DataError, ShapeError before anything is touched
 */
export function readTraining(runtime: ModelRuntime, set: Dataset, options: unknown, klWeight: number): Training {
  const given = readOptions<TrainOptions>(options, 'train', KEYS)
  const { epochs, steps, batchSize = DEFAULT_BATCH, validation, seed, reportEvery, signal } = given
  if ((epochs === undefined) === (steps === undefined)) throw new SpecError('train', 'needs either epochs or steps')
  const training: Training = {
    batchSize: readWhole(batchSize, 'train.batchSize', 1),
    klWeight: given.klWeight === undefined ? klWeight : checkRate(given.klWeight, 'train.klWeight'),
    objective: readObjective(given, runtime.model.latent, 'train'),
    ...readAugmentation(given, 'train'),
    ...(given.optimizer !== undefined && { optimizer: optimizerFrom(given.optimizer, 'train.optimizer') }),
    ...(epochs !== undefined && { epochs: readWhole(epochs, 'train.epochs', 1) }),
    ...(steps !== undefined && { steps: readWhole(steps, 'train.steps', 1) }),
    ...(validation !== undefined && { validation: checkSet(runtime, validation, 'train: validation') }),
    ...(seed !== undefined && { seed: readWhole(seed, 'train.seed', 0) }),
    ...(reportEvery !== undefined && { reportEvery: readWhole(reportEvery, 'train.reportEvery', 1) }),
    ...(signal !== undefined && { signal: readSignal(signal, 'train.signal') }),
    ...(given.earlyStopping !== undefined && { earlyStopping: readEarlyStopping(given.earlyStopping) }),
    ...(given.checkpoint !== undefined && { checkpoint: readCheckpoint(given.checkpoint) }),
  }
  if (training.earlyStopping && !training.validation) {
    throw new SpecError('train.earlyStopping', 'needs a validation set to judge the epochs by')
  }
  if (training.batchSize > set.count) {
    const size = training.batchSize
    throw new DataError(`train: a batch of ${size} is larger than the set of ${set.count}; take batchSize ${set.count} or less`)
  }
  return training
}

function readEarlyStopping(value: unknown): TrainOptions['earlyStopping'] {
  const path = 'train.earlyStopping'
  const { patience, minimumGain = 0 } = readOptions<NonNullable<TrainOptions['earlyStopping']>>(value, path, {
    patience: true,
    minimumGain: true,
  })
  return {
    patience: readWhole(patience, `${path}.patience`, 1),
    minimumGain: readWeight(minimumGain, `${path}.minimumGain`),
  }
}

type Save = NonNullable<TrainOptions['checkpoint']>['save']

function readCheckpoint(value: unknown): TrainOptions['checkpoint'] {
  const path = 'train.checkpoint'
  const { everySteps, save } = readOptions<NonNullable<TrainOptions['checkpoint']>>(value, path, {
    everySteps: true,
    save: true,
  })
  return {
    everySteps: readWhole(everySteps, `${path}.everySteps`, 1),
    save: readFunction<Save>(save, `${path}.save`, 'what takes the saved file').bind(value),
  }
}

/** An AbortSignal of any realm. @throws SpecError */
function readSignal(value: unknown, path: string): AbortSignal {
  const refuse = (reason: string, options?: ErrorOptions) => new SpecError(path, reason, options)
  return guarded(() => {
    const signal = value as AbortSignal | null | undefined
    const methods = [signal?.addEventListener, signal?.removeEventListener, signal?.throwIfAborted]
    if (typeof signal?.aborted === 'boolean' && methods.every((method) => typeof method === 'function')) return signal
    throw refuse(`needs an AbortSignal, got ${describe(value)}`)
  }, refuse)
}
