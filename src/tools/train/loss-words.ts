import type { VaeSpec } from '../../index.js'
import type { Loss } from '../../train/evaluate.js'
import { hasKl } from '../drawing/grids.js'

/** A model's loss as its main figure, and the parts that add up to that. */
export interface LossFigures {
  name: '−ELBO' | 'loss'
  value: number
  parts: { name: string; value: number }[]
}

/**
 * −ELBO with its parts, whatever the weight of the KL term, of a model that has that bound; of one with a code book
 * or a discriminator what it minimises.
 */
export function lossFigures(spec: VaeSpec, { total, reconstruction, kl, label, adversarial }: Loss): LossFigures {
  if (!hasBound(spec)) {
    const parts = adversarial === undefined ? [] : [{ name: 'of the discriminator', value: adversarial }]
    return { name: 'loss', value: total, parts }
  }
  const parts = [{ name: 'reconstruction', value: reconstruction }, { name: 'KL', value: kl }]
  if (label !== undefined) parts.push({ name: 'label', value: label })
  return { name: '−ELBO', value: parts.reduce((sum, part) => sum + part.value, 0), parts }
}

/** Whether reconstruction and KL term add up to a bound of −log p(x). */
export function hasBound(spec: VaeSpec): boolean {
  return hasKl(spec) && spec.discriminator === undefined
}

/** The figures in one line: `−ELBO 105.23 nats per image = 80.12 reconstruction + 25.11 KL`. */
export function lossLine(spec: VaeSpec, loss: Loss): string {
  const { name, value, parts } = lossFigures(spec, loss)
  const told = parts.map((part) => `${part.value.toFixed(2)} ${part.name}`)
  const line = `${name} ${value.toFixed(2)} nats per image`
  if (told.length === 0) return line
  return name === 'loss' ? `${line}, ${told.join(', ')}` : `${line} = ${told.join(' + ')}`
}
