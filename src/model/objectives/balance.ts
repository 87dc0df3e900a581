import { readOptions, readWeight } from '../../checks.js'
import { SpecError } from '../../errors.js'
import type { Balance } from '../../ops/adversarial.js'
import type { Model } from '../model.js'

/**
 * Reads when decoder or discriminator waits.
 * @throws SpecError unless both numbers are 0 or more, and the model has a discriminator
 */
export function readBalance(value: unknown, { discriminator }: Model, path: string): Balance {
  if (!discriminator) throw new SpecError(path, 'needs a model with a discriminator; leave it out')
  const { equilibrium, margin } = readOptions<Balance>(value, path, { equilibrium: true, margin: true })
  return {
    ...(equilibrium !== undefined && { equilibrium: readWeight(equilibrium, `${path}.equilibrium`) }),
    ...(margin !== undefined && { margin: readWeight(margin, `${path}.margin`) }),
  }
}
