import { describe, guarded, readFunction, readName, readOptions, readWeight, readWhole, type Keys } from '../checks.js'
import type { Dataset } from '../data/dataset.js'
import { DataError, SpecError } from '../errors.js'
import { UNLABELED } from '../labels.js'
import { readObjective } from '../model/objectives/kinds.js'
import type { Objective } from '../model/objectives/objective.js'
import type { ModelRuntime } from '../model/runtime.js'
import { checkRate, type Rate } from '../ops/rates.js'
import type { CheckpointStore } from '../stores/checkpoint-store.js'
import { optimizerFrom } from './optimizers.js'
import type { Checkpoint, TrainOptions } from './run.js'
import { checkSet, readAugmentation } from './sets.js'

/** What a call of `train` asks for, read and checked. */
export interface Training extends TrainOptions {
  batchSize: number
  klWeight: Rate
  objective: Objective
}

/** The options of any training run, whatever it trains. */
export const RUN_KEYS = {
  epochs: true,
  steps: true,
  batchSize: true,
  optimizer: true,
  validation: true,
  earlyStopping: true,
  seed: true,
  signal: true,
  reportEvery: true,
  checkpoint: true,
  onNonFinite: true,
} as const

/** What these keys name. */
export type RunOptions = Pick<TrainOptions, keyof typeof RUN_KEYS>

const KEYS: Keys<TrainOptions> = {
  ...RUN_KEYS,
  labeledPerBatch: true,
  klWeight: true,
  binarize: true,
  flip: true,
  importanceSamples: true,
  freeBits: true,
  balance: true,
}

/** Images per update unless given. */
export const DEFAULT_BATCH = 100

/**
 * Reads the options of `train`.
 * @param set the data, which is checked already
 * @param klWeight the specification's
 * @throws SpecError, DataError, ShapeError before anything is touched
 */
export function readTraining(
  of: Pick<ModelRuntime, 'model'>,
  set: Dataset,
  options: unknown,
  klWeight: number,
): Training {
  const given = readOptions<TrainOptions>(options, 'train', KEYS)
  if (of.model.hasClassifier && set.labels!.every((label) => label === UNLABELED)) {
    throw new DataError('train: no label of the set is known; a classifier needs some, the more of each class the better')
  }
  const training: Training = {
    ...readRunOptions(of, set, given, 'train'),
    klWeight: given.klWeight === undefined ? klWeight : checkRate(given.klWeight, 'train.klWeight'),
    objective: readObjective(given, of.model, 'train'),
    ...readAugmentation(given, 'train'),
  }
  if (given.labeledPerBatch !== undefined) {
    training.labeledPerBatch = readLabeledPerBatch(given.labeledPerBatch, of, set, training.batchSize)
  }
  return training
}

/**
 * Reads the options of a run.
 * @param given those of `who`, each still to be read
 * @throws SpecError, DataError, ShapeError
 */
export function readRunOptions(
  of: Pick<ModelRuntime, 'model'>,
  set: Dataset,
  given: { [Key in keyof RunOptions]?: unknown },
  who: string,
): Omit<Training, 'klWeight' | 'objective'> {
  const { epochs, steps, batchSize = DEFAULT_BATCH, validation, seed, reportEvery, signal } = given
  if ((epochs === undefined) === (steps === undefined)) throw new SpecError(who, 'needs either epochs or steps')
  const { optimizer, earlyStopping, onNonFinite, checkpoint } = given
  const training: Omit<Training, 'klWeight' | 'objective'> = {
    batchSize: readWhole(batchSize, `${who}.batchSize`, 1),
    ...(optimizer !== undefined && { optimizer: optimizerFrom(optimizer, `${who}.optimizer`) }),
    ...(epochs !== undefined && { epochs: readWhole(epochs, `${who}.epochs`, 1) }),
    ...(steps !== undefined && { steps: readWhole(steps, `${who}.steps`, 1) }),
    ...(validation !== undefined && { validation: checkSet(of, validation, `${who}: validation`) }),
    ...(seed !== undefined && { seed: readWhole(seed, `${who}.seed`, 0) }),
    ...(reportEvery !== undefined && { reportEvery: readWhole(reportEvery, `${who}.reportEvery`, 1) }),
    ...(signal !== undefined && { signal: readSignal(signal, `${who}.signal`) }),
    ...(earlyStopping !== undefined && { earlyStopping: readEarlyStopping(earlyStopping, `${who}.earlyStopping`) }),
    ...(onNonFinite !== undefined && { onNonFinite: readOnNonFinite(onNonFinite, `${who}.onNonFinite`) }),
    ...(checkpoint !== undefined && { checkpoint: readCheckpoint(checkpoint, `${who}.checkpoint`) }),
  }
  if (training.earlyStopping && !training.validation) {
    throw new SpecError(`${who}.earlyStopping`, 'needs a validation set to judge the epochs by')
  }
  const size = training.batchSize
  if (size > set.count) {
    throw new DataError(`${who}: a batch of ${size} is larger than the set of ${set.count}; take batchSize ${set.count} or less`)
  }
  return training
}

/** @throws SpecError unless the batch has room for so many known labels, and there are so many */
function readLabeledPerBatch(value: unknown, { model }: Pick<ModelRuntime, 'model'>, set: Dataset, batchSize: number): number {
  const path = 'train.labeledPerBatch'
  if (!model.hasClassifier) throw new SpecError(path, 'needs a model with a classifier; leave it out')
  const labeled = readWhole(value, path, 1)
  const known = set.labels!.reduce((sum, label) => sum + Number(label !== UNLABELED), 0)
  if (labeled > batchSize) throw new SpecError(path, `needs at most the batch of ${batchSize}, got ${labeled}`)
  if (labeled > known) throw new SpecError(path, `needs at most the ${known} known labels of the set, got ${labeled}`)
  if (labeled === batchSize || known < set.count) return labeled
  throw new SpecError(path, 'every label of the set is known: nothing is left to fill the batches with; leave it out')
}

function readEarlyStopping(value: unknown, path: string): TrainOptions['earlyStopping'] {
  const { patience, minimumGain = 0 } = readOptions<NonNullable<TrainOptions['earlyStopping']>>(value, path, {
    patience: true,
    minimumGain: true,
  })
  return {
    patience: readWhole(patience, `${path}.patience`, 1),
    minimumGain: readWeight(minimumGain, `${path}.minimumGain`),
  }
}

function readOnNonFinite(value: unknown, path: string): TrainOptions['onNonFinite'] {
  return readName(value, path, 'way', ['restore', 'stop'] as const)
}

type Save = CheckpointStore['save']

function readCheckpoint(value: unknown, path: string): Checkpoint {
  const keys = { everySteps: true, everySeconds: true, store: true, save: true } as const
  const { everySteps, everySeconds, store, save } = readOptions<Checkpoint>(value, path, keys)
  if (everySteps === undefined && everySeconds === undefined) {
    throw new SpecError(path, 'needs everySteps or everySeconds, or both')
  }
  if (store === undefined && save === undefined) throw new SpecError(path, 'needs a store, or save as a function, or both')
  const saves = (given: unknown, of: unknown, at: string) => readFunction<Save>(given, at, 'what takes the saved file').bind(of)
  return {
    ...(everySteps !== undefined && { everySteps: readWhole(everySteps, `${path}.everySteps`, 1) }),
    ...(everySeconds !== undefined && { everySeconds: readWeight(everySeconds, `${path}.everySeconds`) }),
    ...(store !== undefined && { store: { save: saves(saveOf(store, `${path}.store`), store, `${path}.store.save`) } }),
    ...(save !== undefined && { save: saves(save, value, `${path}.save`) }),
  }
}

function saveOf(store: unknown, path: string): unknown {
  const refuse = (reason: string, options?: ErrorOptions) => new SpecError(path, reason, options)
  return guarded(() => {
    if (typeof store === 'object' && store !== null) return (store as CheckpointStore).save
    throw refuse(`needs what checkpointStore() returns, or an object with its save, got ${describe(store)}`)
  }, refuse)
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
