import type { Dataset } from '../data/dataset.js'
import { DataError, SpecError } from '../errors.js'
import type { ModelRuntime } from '../model/runtime.js'
import { checkRate, type Rate } from '../ops/rates.js'
import type { TrainOptions } from './run.js'
import { checkAugmentation, checkSet, checkWeight, checkWhole } from './sets.js'

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
