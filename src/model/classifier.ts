import { readWeight } from '../checks.js'
import { SpecError } from '../errors.js'
import { UNLABELED } from '../labels.js'
import { resolveLayers, readLayers } from './layers/kinds.js'
import { lastShape, listPlaces, type Layer } from './layers/layer.js'
import { vectorOf } from './layers/view.js'
import { describeShape, type ImageShape, type OrderGroups } from './shapes.js'
import type { VaeSpec } from './spec.js'

/** Checks the values of a classifier's part of a specification, each on its own. @throws SpecError */
export function readClassifier(fields: Record<string, unknown>): Pick<VaeSpec, 'classifier' | 'classifierWeight'> {
  const { classifier, classifierWeight } = fields
  if (classifier === undefined) {
    if (classifierWeight === undefined) return {}
    throw new SpecError('classifierWeight', 'needs a classifier to weigh; leave it out, or give classifier')
  }
  return {
    classifier: readLayers(classifier, 'classifier'),
    ...(classifierWeight !== undefined && { classifierWeight: readWeight(classifierWeight, 'classifierWeight') }),
  }
}

/** @throws SpecError unless the specification is one of a model that can have a classifier */
export function checkClassifier({ classifier, classes, latent }: VaeSpec): void {
  if (!classifier) return
  if (!classes) throw new SpecError('classifier', 'needs classes to tell apart; give classes, or leave it out')
  if (classes > UNLABELED) {
    throw new SpecError('classes', `needs at most ${UNLABELED} with a classifier, got ${classes}: ${UNLABELED} is no label`)
  }
  const isDiagonal = latent.type === 'gaussian' && latent.covariance !== 'full'
  if (isDiagonal) return
  throw new SpecError('classifier', 'needs a Gaussian latent of diagonal covariance; take that, or leave the classifier out')
}

/** The classifier's layers. @throws SpecError unless they end in a logit per class */
export function resolveClassifier({ classifier, classes }: VaeSpec, input: ImageShape, groups: OrderGroups): Layer[] {
  const specs = classifier!
  const layers = resolveLayers(specs, input, listPlaces('classifier'), groups)
  const end = specs.length - 1
  const last = specs.at(-1)
  const path = end < 0 ? 'classifier' : `classifier[${end}]`
  const output = lastShape(layers, input)
  if (last?.type !== 'dense' || last.units !== classes) {
    const came = last?.type === 'dense' ? `${last.units} units` : describeShape(output)
    throw new SpecError(
      last?.type === 'dense' ? `${path}.units` : path,
      `the classifier ends in ${came}, needs a dense layer with a unit per class, ${classes}`,
    )
  }
  if ((last.activation ?? 'linear') !== 'linear') {
    throw new SpecError(`${path}.activation`, `the last layer must yield logits, not "${last.activation}" values; leave it out`)
  }
  const { views } = vectorOf(output, 'classifier', groups)
  return [...layers, ...views]
}
