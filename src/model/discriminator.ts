import { checkKeys, readObject, readWeight } from '../checks.js'
import { SpecError } from '../errors.js'
import { readWhole } from './fields.js'
import { readLayers, resolveLayers } from './layers/kinds.js'
import { lastShape, type Layer, type Place } from './layers/layer.js'
import { describeShape, type ImageShape, type OrderGroups, sizeOf } from './shapes.js'
import type { DiscriminatorSpec, LayerSpec } from './spec.js'

/** A discriminator whose shapes are known: images to one logit each. */
export interface Discriminator {
  /** Up to the layer whose output is compared, and from there on. */
  readonly compared: readonly Layer[]
  readonly others: readonly Layer[]
  /** Values of what is compared. */
  readonly features: number
  /** Weight of the comparison in the decoder's objective. */
  readonly weight: number
}

/** Checks every value on its own. @throws SpecError */
export function readDiscriminator(value: unknown): DiscriminatorSpec {
  const fields = readObject(value, 'discriminator', 'a discriminator')
  checkKeys(fields, 'discriminator', 'a discriminator', ['layers', 'similarity', 'weight'])
  const layers = readLayers(fields.layers, 'discriminator.layers')
  const similarity = readWhole(fields.similarity, 'discriminator.similarity', 0)
  if (similarity >= layers.length) {
    const places = layers.length === 0 ? 'there are none' : `needs one of its layers, 0 to ${layers.length - 1}`
    throw new SpecError('discriminator.similarity', `${places}, got ${similarity}`)
  }
  return { layers, similarity, weight: readWeight(fields.weight, 'discriminator.weight') }
}

/** Checks that it takes images and ends in one linear output. @throws SpecError */
export function resolveDiscriminator(
  { layers, similarity, weight }: DiscriminatorSpec,
  input: ImageShape,
  groups: OrderGroups,
): Discriminator {
  const from = (first: number) => (i: number): Place => {
    return { path: `discriminator.layers[${first + i}]`, name: `discriminator.${first + i}` }
  }
  const next = similarity + 1
  const compared = resolveLayers(layers.slice(0, next), input, from(0), groups)
  const shape = lastShape(compared, input)
  const others = resolveLayers(layers.slice(next), shape, from(next), groups)
  const last = lastShape(others, shape)
  const end = layers.length - 1
  const path = from(0)(end).path
  if (sizeOf(last) !== 1) {
    const where = layers[end].type === 'dense' ? `${path}.units` : path
    throw new SpecError(where, `a discriminator ends in one linear output, its logit, got ${describeShape(last)}`)
  }
  const activation = activationOf(layers)
  if (activation !== 'linear') {
    const way = 'leave the activation out'
    throw new SpecError(`${path}.activation`, `a discriminator ends in a linear output, not "${activation}"; ${way}`)
  }
  return { compared, others, features: sizeOf(shape), weight }
}

function activationOf(layers: readonly LayerSpec[]): string {
  const last = layers.findLast(({ type }) => type !== 'flatten' && type !== 'reshape')
  return (last && 'activation' in last && last.activation) || 'linear'
}
