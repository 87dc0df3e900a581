import { floatsOf, wordsOf } from '../arrays.js'
import { describe, guarded, isWhole, readFlag, readOptions, readWeight, readWhole } from '../checks.js'
import type { Dataset } from '../data/dataset.js'
import { DataError, ShapeError, SpecError } from '../errors.js'
import { readLabels } from '../labels.js'
import type { DecodeOptions } from '../model/inference.js'
import type { LabelOptions } from '../model/labels.js'
import type { ParameterSpec } from '../model/parameters.js'
import type { Codes } from '../model/latents/latent.js'
import type { Model } from '../model/model.js'
import type { PriorSpec } from '../model/prior/prior-spec.js'
import type { Augmentation } from '../ops/gather.js'
import { checkFinite, elementCount, readParts, readShape, readTensor, type Tensor } from '../tensor.js'
import { EVALUATED_AT_ONCE } from './evaluate.js'
import { checkDraws } from './importance.js'
import { readAugmentation } from './sets.js'

// What the methods of a model take besides data sets and training: read once and checked, before anything is touched.

/** How to evaluate a set. */
export interface EvaluateOptions {
  /** Weight of the KL term in `total`; the specification's unless given. */
  klWeight?: number
  /** Of the noise; 0 unless given, so that two evaluations compare. */
  seed?: number
  /** Images at a time, 128 unless given. */
  batchSize?: number
  /** Draws of z per image for `importanceWeighted`; the default, 0, leaves it out. */
  importanceSamples?: number
  /** As in training; the draws are the seed's. */
  binarize?: Augmentation['binarize']
}

/** How to sample. */
export interface SampleOptions extends LabelOptions {
  /** Of the draws; the model's own unless given. */
  seed?: number
  /**
   * Of a model with a trained prior over its codes: the prior's logits are divided by it, 1 unless given. Below 1 the
   * likelier codes become likelier still.
   */
  temperature?: number
  /** Draws every code alone, although there is a trained prior. */
  independent?: boolean
}

/** How to count the dimensions in use. */
export interface ActiveUnitsOptions {
  /** Least variance of the posterior mean of a dimension in use, 0.01 unless given. */
  threshold?: number
}

/** @throws SpecError */
export function readEvaluateOptions(model: Model, { count }: Dataset, options: unknown) {
  const given = readOptions<EvaluateOptions>(options, 'evaluate', {
    klWeight: true,
    seed: true,
    batchSize: true,
    importanceSamples: true,
    binarize: true,
  })
  const { klWeight = model.klWeight, seed = 0, batchSize = EVALUATED_AT_ONCE, importanceSamples = 0 } = given
  const read = {
    klWeight: readWeight(klWeight, 'evaluate.klWeight'),
    seed: readWhole(seed, 'evaluate.seed', 0),
    batchSize: readWhole(batchSize, 'evaluate.batchSize', 1),
    importanceSamples: readWhole(importanceSamples, 'evaluate.importanceSamples', 0),
    binarize: readAugmentation({ binarize: given.binarize }, 'evaluate').binarize,
  }
  if (read.importanceSamples > 0) checkDraws(model, read.importanceSamples, Math.min(read.batchSize, count))
  return read
}

/** @throws SpecError */
export function readActiveUnitsOptions(options: unknown): Required<ActiveUnitsOptions> {
  const { threshold = 0.01 } = readOptions<ActiveUnitsOptions>(options, 'activeUnits', { threshold: true })
  return { threshold: readWeight(threshold, 'activeUnits.threshold') }
}

/** Most bytes of images that one call returns: no platform's arrays are shorter. */
const MOST_BYTES = 2 ** 31

/** @throws DataError, SpecError */
export function readSampling(
  { input, classes }: Model,
  count: unknown,
  options: unknown,
  { seed, prior }: { seed: number; prior?: PriorSpec },
) {
  const most = Math.floor(MOST_BYTES / (4 * input.h * input.w * input.c))
  if (!isWhole(count, 1, most)) {
    throw new DataError(`sample: needs a whole number of images from 1 on, at most ${most}, got ${describe(count)}`)
  }
  const keys = { labels: true, seed: true, temperature: true, independent: true } as const
  const given = readOptions<SampleOptions>(options, 'sample', keys)
  const { temperature = 1 } = given
  const independent = given.independent !== undefined && readFlag(given.independent, 'sample.independent')
  if (given.temperature !== undefined && (!prior || independent)) {
    throw new SpecError('sample.temperature', 'is that of a trained prior over codes, and none draws here; leave it out')
  }
  if (!(typeof temperature === 'number' && temperature > 0 && temperature < Infinity)) {
    throw new SpecError('sample.temperature', `needs a finite number above 0, got ${describe(temperature)}`)
  }
  return {
    count,
    temperature,
    independent,
    seed: given.seed === undefined ? seed : readWhole(given.seed, 'sample.seed', 0),
    labels: readGivenLabels(given.labels, classes ?? prior?.classes),
  }
}

/** @throws SpecError, DataError */
export function readDecodeOptions({ classes }: Model, options: unknown): DecodeOptions {
  const { labels, everyStep = false } = readOptions<DecodeOptions>(options, 'decode', { labels: true, everyStep: true })
  return { labels: readGivenLabels(labels, classes), everyStep: readFlag(everyStep, 'decode.everyStep') }
}

/** @throws SpecError, DataError */
export function readLabelOptions({ classes }: Model, options: unknown, who: string): LabelOptions {
  const { labels } = readOptions<LabelOptions>(options, who, { labels: true })
  return { labels: readGivenLabels(labels, classes) }
}

/** Labels where there are any; whether the model needs them is said where its rows are known. @throws DataError */
export function readGivenLabels(labels: unknown, classes: number | undefined): LabelOptions['labels'] {
  if (labels === undefined || (labels === null && classes)) return undefined
  return readLabels(labels, 'labels')
}

/**
 * Latents, or the codes of a vector-quantised model: a bare array, or one with its shape.
 * @throws ShapeError for what is neither
 */
export function readLatents(latents: unknown): Tensor | Float32Array | Codes {
  const words = wordsOf(latents)
  if (words) return { shape: [words.length], data: words }
  if (floatsOf(latents)) return floatsOf(latents)!
  const { shape, data } = readParts(latents, 'latents')
  const codes = wordsOf(data)
  if (codes) return { shape: readShape(shape, 'codes'), data: codes }
  const tensor = readTensor({ shape, data }, 'latents')
  return { shape: tensor.shape!, data: tensor.data }
}

/**
 * Parameters by name, for some of those that a model has.
 * @throws ShapeError for an unknown name or another shape, DataError for a value that is not finite
 */
export function readParameters(values: unknown, specs: readonly ParameterSpec[]): Record<string, Tensor> {
  const refuse = (reason: string, options?: ErrorOptions) => new ShapeError(`setParameters: ${reason}`, options)
  const named = guarded(() => {
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) return Object.entries(values)
    throw refuse(`needs tensors by name, got ${describe(values)}`)
  }, refuse)
  return Object.fromEntries(
    named.map(([name, value]) => {
      const spec = specs.find((candidate) => candidate.name === name)
      if (!spec) throw refuse(`there is no ${describe(name)}; there are ${specs.map((s) => s.name).join(', ')}`)
      return [name, readParameter(value, spec)]
    }),
  )
}

function readParameter(value: unknown, { name, shape: needed }: ParameterSpec): Tensor {
  const what = `setParameters: "${name}"`
  const parts = readParts(value, what)
  const data = floatsOf(parts.data)
  if (!data) throw new ShapeError(`${what} is no tensor { shape, data: Float32Array }, needs [${needed}]`)
  const shape = readShape(parts.shape, what)
  if (String(shape) !== String(needed) || data.length !== elementCount(needed)) {
    throw new ShapeError(`${what} is [${shape}] with ${data.length} values, needs [${needed}]`)
  }
  checkFinite(data, what, needed.at(-1)!)
  if (!name.endsWith('.running_var')) return { shape, data }
  const bad = data.findIndex((value) => value < 0)
  if (bad >= 0) throw new DataError(`${what}: value ${bad} is ${data[bad]}, a variance needs numbers from 0 on`)
  return { shape, data }
}
