import { checkKeys, readObject, readWeight } from '../checks.js'
import { SpecError } from '../errors.js'
import { checkClassifier, readClassifier } from './classifier.js'
import { readDiscriminator } from './discriminator.js'
import { checkElements, readWhole } from './fields.js'
import { readImageShape } from './spec-fields.js'
import { readLatent } from './latents/kinds.js'
import { readLayers } from './layers/kinds.js'
import { createLikelihood, readLikelihood } from './likelihoods/kinds.js'
import type { Model } from './model.js'
import { parameterCount } from './parameters.js'
import { readRecurrent, resolveDraw } from './recurrent/resolve.js'
import { resolveVae } from './resolve.js'
import type { VaeSpec } from './spec.js'

/**
 * Checks a whole specification before any GPU object exists.
 * @returns the model: every layer with its shapes, what the specification leaves implicit made explicit.
 * @throws SpecError whose `path` points into the specification, e.g. `decoder[2].filters`.
 */
export function checkSpec(value: unknown): Model {
  const spec = readSpec(value)
  const model = spec.recurrent ? resolveDraw(spec) : resolveVae(spec)
  checkElements(parameterCount(model.parameters()), '', 'the parameters of all layers')
  return model
}

/** Types, names and ranges, each value on its own. @returns a copy that holds only what was given. */
function readSpec(value: unknown): VaeSpec {
  const fields = readObject(value, '', 'a specification')
  const networks = ['encoder', 'latent', 'decoder', 'likelihood', 'classifier', 'discriminator', 'recurrent']
  const keys = ['input', ...networks, 'klWeight', 'classes', 'classifierWeight']
  checkKeys(fields, '', 'a specification', keys)
  const spec: VaeSpec = {
    input: readImageShape(fields.input, 'input'),
    encoder: readLayers(fields.encoder, 'encoder'),
    latent: readLatent(fields.latent),
    decoder: readLayers(fields.decoder, 'decoder'),
    likelihood: readLikelihood(fields.likelihood),
  }
  if (fields.klWeight !== undefined) spec.klWeight = readWeight(fields.klWeight, 'klWeight')
  if (fields.classes !== undefined) spec.classes = readClasses(fields.classes)
  Object.assign(spec, readClassifier(fields))
  if (fields.recurrent !== undefined) spec.recurrent = readRecurrent(fields.recurrent)
  if (spec.classes && spec.latent.type === 'vector-quantized') {
    throw new SpecError('classes', 'a vector-quantized model takes no labels yet; leave the classes out')
  }
  checkClassifier(spec)
  if (fields.discriminator !== undefined) spec.discriminator = readDiscriminator(fields.discriminator)
  checkOutput(spec)
  checkDiscriminator(spec)
  return spec
}

/** Labels are bytes. */
function readClasses(value: unknown): number {
  const classes = readWhole(value, 'classes', 2)
  if (classes > 256) throw new SpecError('classes', `needs at most 256, got ${classes}`)
  return classes
}

/** What a model with a discriminator cannot be. */
function checkDiscriminator({ discriminator, classifier, recurrent, latent, likelihood }: VaeSpec): void {
  if (!discriminator) return
  if (recurrent) throw new SpecError('discriminator', 'does not go with a recurrent model; leave one of them out')
  if (classifier) throw new SpecError('discriminator', 'does not go with a classifier; leave one of them out')
  if (latent.type === 'vector-quantized') {
    throw new SpecError('discriminator', 'judges draws of the prior, which codes lack; take another latent, or leave it out')
  }
  if (likelihood.type === 'gaussian' && likelihood.variance === 'learned') {
    throw new SpecError('likelihood.variance', 'nothing is learned of it with a discriminator; give a number')
  }
}

/** An activation that bounds the last layer's output is a mistake where that may be any real number. */
function checkOutput({ likelihood, decoder }: VaeSpec): void {
  if (!createLikelihood(likelihood).isUnbounded) return
  const last = decoder.findLastIndex(({ type }) => type !== 'flatten' && type !== 'reshape')
  const layer = decoder[last]
  if (layer === undefined || !('activation' in layer)) return
  if (layer.activation !== 'sigmoid' && layer.activation !== 'tanh') return
  throw new SpecError(
    `decoder[${last}].activation`,
    `the last layer must yield logits, not "${layer.activation}" values; leave the activation out, ` +
      `the ${likelihood.type} likelihood applies the sigmoid itself`,
  )
}
