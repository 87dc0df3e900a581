import type { Dataset } from '../data/dataset.js'
import { DataError, ShapeError, SpecError } from '../errors.js'
import { checkLabels } from '../model/labels.js'
import type { Objective } from '../model/gaussian.js'
import type { ResolvedModel } from '../model/resolve.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Augmentation } from '../ops/gather.js'

/** @throws DataError, ShapeError unless the set's images are the model's input, and its labels among the classes. */
export function checkSet({ model }: ModelRuntime, data: Dataset, who: string): void {
  const { h, w, c } = model.input
  const isPixels = data?.images instanceof Uint8Array || data?.images instanceof Float32Array
  if (!isPixels || !Array.isArray(data.shape)) {
    throw new DataError(`${who}: needs a data set, from dataset(), idx() or glyphs()`)
  }
  if (String(data.shape) !== String([h, w, c])) {
    throw new ShapeError(`${who}: images are ${data.shape.join(' × ')}, the model needs ${h} × ${w} × ${c}`)
  }
  if (data.images.length !== data.count * h * w * c) {
    const needed = data.count * h * w * c
    throw new ShapeError(`${who}: ${data.count} images of ${h * w * c} pixels need ${needed}, got ${data.images.length}`)
  }
  if (!model.classes) return
  if (!data.labels) throw new DataError(`${who}: the model is conditional, the data set has no labels`)
  checkLabels(data.labels, model.classes, `${who}: labels`)
}

/** @throws SpecError unless the value is a whole number from `least` on. */
export function checkWhole(value: number, path: string, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new SpecError(path, `needs a whole number from ${least} on, got ${value}`)
  }
}

/** @throws SpecError unless the value is a finite number not below 0. */
export function checkWeight(value: number, path: string): void {
  if (!(value >= 0 && value < Infinity)) throw new SpecError(path, `needs a finite number not below 0, got ${value}`)
}

/** @throws SpecError unless binarisation and mirroring are what they may be. */
export function checkAugmentation({ binarize, flip }: Augmentation, path: string): void {
  if (binarize !== undefined && binarize !== 'sample' && binarize !== 'threshold') {
    throw new SpecError(`${path}.binarize`, `needs 'sample' or 'threshold', got ${binarize}`)
  }
  if (flip !== undefined && typeof flip !== 'boolean') throw new SpecError(`${path}.flip`, `needs true or false, got ${flip}`)
}

/** Rows of samples that even the smallest slice of a batch must not exceed. */
const MOST_SAMPLES = 4096

/**
 * The objective with what is as it is unless given left out.
 * @throws SpecError unless the numbers are what they may be, and the latent one that they are for
 */
export function objectiveOf(
  { latent }: ResolvedModel,
  { importanceSamples = 1, freeBits = 0 }: Objective,
  who: string,
): Objective {
  checkWhole(importanceSamples, `${who}.importanceSamples`)
  checkWeight(freeBits, `${who}.freeBits`)
  if (importanceSamples > MOST_SAMPLES) {
    throw new SpecError(`${who}.importanceSamples`, `needs at most ${MOST_SAMPLES}, got ${importanceSamples}`)
  }
  if (importanceSamples > 1 && latent.type !== 'gaussian') {
    throw new SpecError(`${who}.importanceSamples`, `a ${latent.type} latent has no posterior to draw from`)
  }
  if (freeBits > 0 && latent.type !== 'gaussian') {
    throw new SpecError(`${who}.freeBits`, `a ${latent.type} latent has no KL term`)
  }
  if (freeBits > 0 && importanceSamples > 1) {
    throw new SpecError(`${who}.freeBits`, 'the importance-weighted bound has no KL term; take importanceSamples 1')
  }
  return { ...(importanceSamples > 1 && { importanceSamples }), ...(freeBits > 0 && { freeBits }) }
}
