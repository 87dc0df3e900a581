import { SpecError } from '../errors.js'
import { ACTIVATIONS } from '../ops/activation.js'
import { checkElements, checkKeys, describe, readArray, readName, readObject, readWhole } from './fields.js'
import { parameterCount, parameterSpecs } from './parameters.js'
import { type ResolvedModel, resolveModel } from './resolve.js'
import type { ConvSpec, ConvTransposeSpec, LatentSpec, LayerSpec, LikelihoodSpec, VaeSpec } from './spec.js'

/**
 * Checks a whole specification before any GPU object exists.
 * @returns the model as plain data: every layer with its shapes, what the specification leaves implicit made explicit.
 * @throws SpecError whose `path` points into the specification, e.g. `decoder[2].filters`.
 */
export function checkSpec(spec: unknown): ResolvedModel {
  const model = resolveModel(readSpec(spec))
  checkElements(parameterCount(parameterSpecs(model)), '', 'the parameters of all layers')
  return model
}

const LAYER_KEYS: Record<LayerSpec['type'], readonly string[]> = {
  dense: ['type', 'units', 'activation'],
  conv: ['type', 'filters', 'kernel', 'stride', 'padding', 'activation'],
  'conv-transpose': ['type', 'filters', 'kernel', 'stride', 'padding', 'activation'],
  flatten: ['type'],
  reshape: ['type', 'shape'],
  residual: ['type', 'layers'],
}

const LATENT_KEYS: Record<LatentSpec['type'], readonly string[]> = {
  gaussian: ['type', 'size'],
  deterministic: ['type', 'size'],
  'vector-quantized': ['type', 'codes', 'size', 'commitment', 'codebookUpdate'],
}

const CODEBOOK_UPDATES = ['gradient', 'moving-average'] as const

const LIKELIHOOD_TYPES: readonly LikelihoodSpec['type'][] = ['bernoulli', 'continuous-bernoulli', 'gaussian']

/** Residuals inside residuals; a bound so that a specification that contains itself ends in a message. */
const MAX_DEPTH = 16

/** Types, names and ranges, each value on its own. @returns a copy that holds only what was given. */
function readSpec(value: unknown): VaeSpec {
  const fields = readObject(value, '', 'a specification')
  const keys = ['input', 'encoder', 'latent', 'decoder', 'likelihood', 'klWeight', 'classes']
  checkKeys(fields, '', 'a specification', keys)
  const spec: VaeSpec = {
    input: readImageShape(fields.input, 'input'),
    encoder: readLayers(fields.encoder, 'encoder', 0),
    latent: readLatent(fields.latent),
    decoder: readLayers(fields.decoder, 'decoder', 0),
    likelihood: readLikelihood(fields.likelihood),
  }
  if (fields.klWeight !== undefined) spec.klWeight = readWeight(fields.klWeight, 'klWeight')
  if (fields.classes !== undefined) spec.classes = readClasses(fields.classes)
  if (spec.classes && spec.latent.type === 'vector-quantized') {
    throw new SpecError('classes', 'a vector-quantized model takes no labels yet; leave the classes out')
  }
  checkLogits(spec)
  return spec
}

function readLayers(value: unknown, path: string, depth: number): LayerSpec[] {
  if (depth > MAX_DEPTH) throw new SpecError(path, `residuals can lie at most ${MAX_DEPTH} deep`)
  return Array.from(readArray(value, path, 'an array of layers'), (layer, i) =>
    readLayer(layer, `${path}[${i}]`, depth),
  )
}

function readLayer(value: unknown, path: string, depth: number): LayerSpec {
  const fields = readObject(value, path, 'a layer')
  const type = readName(fields.type, `${path}.type`, 'layer type', Object.keys(LAYER_KEYS) as LayerSpec['type'][])
  checkKeys(fields, path, `a ${type} layer`, LAYER_KEYS[type])
  switch (type) {
    case 'dense':
      return { type, units: readWhole(fields.units, `${path}.units`, 1), ...readActivation(fields, path) }
    case 'conv':
    case 'conv-transpose':
      return { type, ...readConv(fields, path) }
    case 'flatten':
      return { type }
    case 'reshape':
      return { type, shape: readImageShape(fields.shape, `${path}.shape`) }
    case 'residual':
      return { type, layers: readLayers(fields.layers, `${path}.layers`, depth + 1) }
  }
}

function readConv(fields: Record<string, unknown>, path: string): Omit<ConvSpec | ConvTransposeSpec, 'type'> {
  const { filters, kernel, stride, padding } = fields
  return {
    filters: readWhole(filters, `${path}.filters`, 1),
    kernel: readWhole(kernel, `${path}.kernel`, 1),
    ...(stride !== undefined && { stride: readWhole(stride, `${path}.stride`, 1) }),
    ...(padding !== undefined && { padding: readPadding(padding, `${path}.padding`) }),
    ...readActivation(fields, path),
  }
}

function readPadding(value: unknown, path: string): 'same' | number {
  if (value === 'same') return value
  if (typeof value === 'number') return readWhole(value, path, 0)
  throw new SpecError(path, `needs 'same' or a whole number from 0 on, got ${describe(value)}`)
}

function readActivation(fields: Record<string, unknown>, path: string) {
  if (fields.activation === undefined) return {}
  return { activation: readName(fields.activation, `${path}.activation`, 'activation', ACTIVATIONS) }
}

function readImageShape(value: unknown, path: string): [number, number, number] {
  const [h, w, c] = readArray(value, path, 'three whole numbers [height, width, channels]', 3)
  const shape: [number, number, number] = [
    readWhole(h, `${path}[0]`, 1),
    readWhole(w, `${path}[1]`, 1),
    readWhole(c, `${path}[2]`, 1),
  ]
  checkElements(shape[0] * shape[1] * shape[2], path, shape.join(' × '))
  return shape
}

function readLatent(value: unknown): LatentSpec {
  const fields = readObject(value, 'latent', 'a latent')
  const type = readName(fields.type, 'latent.type', 'latent type', Object.keys(LATENT_KEYS) as LatentSpec['type'][])
  checkKeys(fields, 'latent', `a ${type} latent`, LATENT_KEYS[type])
  const size = readWhole(fields.size, 'latent.size', 1)
  if (type !== 'vector-quantized') return { type, size }
  const { codes, commitment, codebookUpdate: update } = fields
  return {
    type,
    codes: readWhole(codes, 'latent.codes', 1),
    size,
    ...(commitment !== undefined && { commitment: readWeight(commitment, 'latent.commitment') }),
    ...(update !== undefined && {
      codebookUpdate: readName(update, 'latent.codebookUpdate', 'codebook update', CODEBOOK_UPDATES),
    }),
  }
}

function readLikelihood(value: unknown): LikelihoodSpec {
  const fields = readObject(value, 'likelihood', 'a likelihood')
  const type = readName(fields.type, 'likelihood.type', 'likelihood', LIKELIHOOD_TYPES)
  checkKeys(fields, 'likelihood', `a ${type} likelihood`, type === 'gaussian' ? ['type', 'variance'] : ['type'])
  return type === 'gaussian' ? { type, variance: readVariance(fields.variance) } : { type }
}

/** Labels are bytes. */
function readClasses(value: unknown): number {
  const classes = readWhole(value, 'classes', 2)
  if (classes > 256) throw new SpecError('classes', `needs at most 256, got ${classes}`)
  return classes
}

function readVariance(value: unknown): number | 'learned' {
  if (value === 'learned') return value
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new SpecError('likelihood.variance', `needs a finite number above 0, or 'learned', got ${describe(value)}`)
}

function readWeight(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new SpecError(path, `needs a finite number from 0 on, got ${describe(value)}`)
}

/** Logits are any real number, so an activation that bounds the last layer's output is a mistake. */
function checkLogits(spec: VaeSpec): void {
  if (spec.likelihood.type === 'gaussian') return
  const last = spec.decoder.findLastIndex(({ type }) => type !== 'flatten' && type !== 'reshape')
  const layer = spec.decoder[last]
  if (layer === undefined || !('activation' in layer)) return
  if (layer.activation !== 'sigmoid' && layer.activation !== 'tanh') return
  throw new SpecError(
    `decoder[${last}].activation`,
    `the last layer must yield logits, not "${layer.activation}" values; leave the activation out, ` +
      `the ${spec.likelihood.type} likelihood applies the sigmoid itself`,
  )
}
