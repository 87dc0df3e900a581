import { readName, readFlag } from '../checks.js'
import { readDataset, type Dataset } from '../data/dataset.js'
import { checkUnitValues } from '../data/pixels.js'
import { DataError, ShapeError } from '../errors.js'
import { checkLossLabels } from '../model/labels.js'
import { UNLABELED } from '../labels.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Augmentation } from '../ops/gather.js'

/**
 * A data set for a model. For one that the caller made by hand a checked copy of its fields comes back.
 * @throws DataError, ShapeError unless the set's images are the model's input, and its labels among the classes
 */
export function checkSet({ model }: Pick<ModelRuntime, 'model'>, data: unknown, who: string): Dataset {
  const set = readDataset(data, who)
  const { h, w, c } = model.input
  if (String(set.shape) !== String([h, w, c])) {
    throw new ShapeError(`${who}: images are ${set.shape.join(' × ')}, the model needs ${h} × ${w} × ${c}`)
  }
  if (set.images instanceof Float32Array && !model.likelihood.isRealValued) {
    checkUnitValues(set.images, set.shape, `${who}: values`)
  }
  if (!model.classes) return set
  if (!set.labels) {
    const unknown = model.hasClassifier ? `; give it ${UNLABELED} where they are not known` : ''
    throw new DataError(`${who}: the model is conditional, the data set has no labels${unknown}`)
  }
  checkLossLabels(set.labels, model, `${who}: labels`)
  return set
}

/** @throws SpecError unless binarisation and mirroring are what they may be. */
export function readAugmentation(
  { binarize, flip }: { [Key in keyof Augmentation]?: unknown },
  path: string,
): Augmentation {
  return {
    ...(binarize !== undefined && {
      binarize: readName(binarize, `${path}.binarize`, 'binarization', ['sample', 'threshold'] as const),
    }),
    ...(flip !== undefined && { flip: readFlag(flip, `${path}.flip`) }),
  }
}
