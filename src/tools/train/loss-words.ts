import type { VaeSpec } from '../../index.js'
import type { Loss } from '../../train/evaluate.js'
import { hasKl } from '../drawing/grids.js'
import { bound } from '../drawing/history.js'

/** Whether reconstruction and KL term add up to a bound of −log p(x). */
export function hasBound(spec: VaeSpec): boolean {
  return hasKl(spec) && spec.discriminator === undefined
}

/**
 * A model's loss in one line: −ELBO with its parts, whatever the weight of the KL term, where there is that bound; of a
 * model with a code book or a discriminator what it minimises.
 */
export function lossLine(spec: VaeSpec, loss: Loss): string {
  const { total, reconstruction, kl, label, adversarial } = loss
  if (!hasBound(spec)) {
    const line = `loss ${total.toFixed(2)} nats per image`
    return adversarial === undefined ? line : `${line}, ${adversarial.toFixed(2)} of the discriminator`
  }
  const parts = `${reconstruction.toFixed(2)} reconstruction + ${kl.toFixed(2)} KL`
  const known = label === undefined ? '' : ` + ${label.toFixed(2)} label`
  return `−ELBO ${bound(loss).total.toFixed(2)} nats per image = ${parts}${known}`
}
