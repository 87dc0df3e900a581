import { SpecError } from '../errors.js'
import type { Adam, Optimizer, RmsProp, Sgd } from '../ops/update.js'

/**
 * Adam (Kingma & Ba 2015) as PyTorch defines it.
 * @param options `learningRate` 1e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8 unless given
 * @throws SpecError for values out of range
 */
export function adam(options: Partial<Omit<Adam, 'type'>> = {}): Adam {
  return checked<Adam>({ type: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, options)
}

/**
 * RMSprop (Tieleman & Hinton 2012) as PyTorch defines it, epsilon outside the root: `rho` is PyTorch's `alpha`.
 * Keras's settings are `{ rho: 0.9, epsilon: 1e-7 }`.
 * @param options `learningRate` 1e-3, `rho` 0.99, `epsilon` 1e-8, `momentum` 0 unless given
 * @throws SpecError for values out of range
 */
export function rmsprop(options: Partial<Omit<RmsProp, 'type'>> = {}): RmsProp {
  return checked<RmsProp>({ type: 'rmsprop', learningRate: 1e-3, rho: 0.99, epsilon: 1e-8, momentum: 0 }, options)
}

/**
 * Stochastic gradient descent with momentum as PyTorch defines it.
 * @param options `learningRate` 1e-3, `momentum` 0 unless given
 * @throws SpecError for values out of range
 */
export function sgd(options: Partial<Omit<Sgd, 'type'>> = {}): Sgd {
  return checked<Sgd>({ type: 'sgd', learningRate: 1e-3, momentum: 0 }, options)
}

/** Reads an optimiser back from JSON. @throws SpecError */
export function optimizerFrom(json: unknown): Optimizer {
  const { type, ...options } = json as Optimizer
  const makers: Record<string, (options: object) => Optimizer> = { adam, rmsprop, sgd }
  if (!Object.hasOwn(makers, type)) throw new SpecError('optimizer.type', `"${type}" is unknown; there are adam, rmsprop, sgd`)
  return makers[type](options)
}

function checked<T extends Optimizer>(defaults: T, options: Partial<T>): T {
  const optimizer = { ...defaults }
  for (const [name, value] of Object.entries(options)) {
    if (!(name in defaults) || name === 'type') {
      const known = Object.keys(defaults).filter((key) => key !== 'type')
      throw new SpecError(`optimizer.${name}`, `${defaults.type} has no such option; there are ${known.join(', ')}`)
    }
    if (value === undefined) continue
    const below = name === 'learningRate' || name === 'epsilon' ? Infinity : 1
    if (typeof value !== 'number' || !(value >= 0 && value < below)) {
      const range = below === 1 ? 'a number from 0 to below 1' : 'a finite number not below 0'
      throw new SpecError(`optimizer.${name}`, `needs ${range}, got ${value}`)
    }
    Object.assign(optimizer, { [name]: value })
  }
  return Object.freeze(optimizer)
}
