import { checkKeys, readObject } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { DrawModel } from '../draw.js'
import { checkElements, readWhole } from '../fields.js'
import { createLikelihood } from '../likelihoods/kinds.js'
import type { LayerSpec, RecurrentSpec, VaeSpec } from '../spec.js'
import { AttentionBrush } from './attention.js'
import { StepsLatent } from './latent.js'
import { Lstm } from './lstm.js'
import { PlainBrush } from './plain.js'

/** Most steps of a plan, whose dispatches grow with them. */
const MOST_STEPS = 256

/** Checks what makes a model recurrent, each value on its own. @throws SpecError */
export function readRecurrent(value: unknown): RecurrentSpec {
  const { steps, attention, ...others } = readObject(value, 'recurrent', 'the steps of a recurrent model')
  checkKeys({ ...others }, 'recurrent', 'recurrent', ['steps', 'attention'])
  const count = readWhole(steps, 'recurrent.steps', 1)
  if (count > MOST_STEPS) throw new SpecError('recurrent.steps', `needs at most ${MOST_STEPS}, got ${count}`)
  if (attention === undefined) return { steps: count }
  const path = 'recurrent.attention'
  const sizes = readObject(attention, path, 'two sizes { read, write }')
  checkKeys(sizes, path, 'attention', ['read', 'write'])
  // one filter has no neighbour to be a stride from: δ would be infinite
  const [read, write] = (['read', 'write'] as const).map((key) => readWhole(sizes[key], `${path}.${key}`, 2))
  return { steps: count, attention: { read, write } }
}

/**
 * A recurrent model: what its parts need of each other.
 * @param spec with every value already checked on its own
 * @throws SpecError where they do not fit together
 */
export function resolveDraw(spec: VaeSpec): DrawModel {
  const [h, w, c] = spec.input
  const { steps, attention } = spec.recurrent!
  if (spec.classes) throw new SpecError('classes', 'a recurrent model takes no labels; leave the classes out')
  const { latent } = spec
  if (latent.type !== 'gaussian') {
    throw new SpecError('latent.type', `a recurrent model needs a gaussian latent, got a ${latent.type} one`)
  }
  if (latent.covariance === 'full') {
    throw new SpecError('latent.covariance', 'a recurrent model needs a diagonal one; leave it out')
  }
  const [reader, writer] = [unitsOf(spec.encoder, 'encoder'), unitsOf(spec.decoder, 'decoder')]
  const image = { h, w, c }
  if (attention) {
    for (const grid of ['read', 'write'] as const) checkGrid(attention[grid], `recurrent.attention.${grid}`, image)
  }
  const brush = attention ? new AttentionBrush(image, attention, writer) : new PlainBrush(image, writer)
  const encoder = new Lstm('encoder.0', brush.inputs + writer, reader)
  const decoder = new Lstm('decoder.0', latent.size, writer)
  for (const { path, width, units } of [encoder, decoder]) {
    checkElements(4 * units * width, `${path.replace('.0', '[0]')}.units`, `4 × ${units} × ${width} weights`)
  }
  checkElements(latent.size * reader, 'latent.size', 'weights of the head')
  const latents = new StepsLatent(steps, latent.size, reader)
  return new DrawModel(spec, { kind: 'image', ...image }, encoder, latents, decoder, brush, createLikelihood(spec.likelihood))
}

/** @throws SpecError unless the list is one lstm */
function unitsOf(layers: readonly LayerSpec[], list: 'encoder' | 'decoder'): number {
  const other = layers.findIndex(({ type }) => type !== 'lstm')
  if (other >= 0) {
    const { type } = layers[other]
    throw new SpecError(`${list}[${other}].type`, `the ${list} of a recurrent model is one lstm, got "${type}"`)
  }
  const [layer] = layers
  if (layers.length !== 1 || layer.type !== 'lstm') {
    throw new SpecError(list, `the ${list} of a recurrent model is one lstm, got ${layers.length} layers`)
  }
  return layer.units
}

/** @throws SpecError for more filters than the image has pixels along its longer side */
function checkGrid(size: number, path: string, { h, w }: { h: number; w: number }): void {
  if (size <= Math.max(h, w)) return
  throw new SpecError(path, `a grid of ${size} × ${size} is larger than the image, ${h} × ${w}; take ${Math.max(h, w)} or less`)
}
