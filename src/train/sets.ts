import { readName, readFlag, readWeight, readWhole } from '../checks.js'
import { readDataset, type Dataset } from '../data/dataset.js'
import { DataError, ShapeError, SpecError } from '../errors.js'
import { checkLabels } from '../model/labels.js'
import type { Objective } from '../model/gaussian.js'
import type { ResolvedModel } from '../model/resolve.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Augmentation } from '../ops/gather.js'

/**
 * A data set for a model. For one that the caller made by hand a checked copy of its fields comes back.
 * @throws DataError, ShapeError unless the set's images are the model's input, and its labels among the classes
 */
export function checkSet({ model }: ModelRuntime, data: unknown, who: string): Dataset {
  const set = readDataset(data, who)
  const { h, w, c } = model.input
  if (String(set.shape) !== String([h, w, c])) {
    throw new ShapeError(`${who}: images are ${set.shape.join(' × ')}, the model needs ${h} × ${w} × ${c}`)
  }
  if (!model.classes) return set
  if (!set.labels) throw new DataError(`${who}: the model is conditional, the data set has no labels`)
  checkLabels(set.labels, model.classes, `${who}: labels`)
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

/** Rows of samples that even the smallest slice of a batch must not exceed. */
const MOST_SAMPLES = 4096

/**
 * The objective, without the fields that have their defaults.
 * @throws SpecError unless the numbers are what they may be, and the latent one that they are for
 */
export function objectiveOf(
  { latent }: ResolvedModel,
  { importanceSamples = 1, freeBits = 0 }: { [Key in keyof Objective]?: unknown },
  who: string,
): Objective {
  const samples = readWhole(importanceSamples, `${who}.importanceSamples`, 1, MOST_SAMPLES)
  const bits = readWeight(freeBits, `${who}.freeBits`)
  if (samples > 1 && latent.type !== 'gaussian') {
    throw new SpecError(`${who}.importanceSamples`, `a ${latent.type} latent has no posterior to draw from`)
  }
  if (bits > 0 && latent.type !== 'gaussian') {
    throw new SpecError(`${who}.freeBits`, `a ${latent.type} latent has no KL term`)
  }
  if (bits > 0 && samples > 1) {
    throw new SpecError(`${who}.freeBits`, 'the importance-weighted bound has no KL term; take importanceSamples 1')
  }
  return { ...(samples > 1 && { importanceSamples: samples }), ...(bits > 0 && { freeBits: bits }) }
}
