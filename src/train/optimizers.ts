import { SpecError } from '../errors.js'
import { checkRate } from '../ops/rates.js'
import type { Adam, AdamW, Optimizer, RmsProp, Sgd } from '../ops/update.js'

/** What may be given of an optimiser; the rest has its default. */
type Options<T extends Optimizer> = Partial<Omit<T, 'type'>>

const COMMON = { learningRate: 1e-3, clipNorm: 0 }
const ADAM = { ...COMMON, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/**
 * Adam (Kingma & Ba 2015) as PyTorch defines it.
 * @param options `learningRate` 1e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function adam(options: Options<Adam> = {}): Adam {
  return checked<Adam>({ type: 'adam', ...ADAM }, options)
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019) as PyTorch defines it.
 * @param options Adam's, and `weightDecay` 0.01 unless given
 * @throws SpecError for values out of range
 */
export function adamw(options: Options<AdamW> = {}): AdamW {
  return checked<AdamW>({ type: 'adamw', ...ADAM, weightDecay: 0.01 }, options)
}

/**
 * RMSprop (Tieleman & Hinton 2012) as PyTorch defines it, epsilon outside the root: `rho` is PyTorch's `alpha`.
 * Keras's settings are `{ rho: 0.9, epsilon: 1e-7 }`.
 * @param options `learningRate` 1e-3, `rho` 0.99, `epsilon` 1e-8, `momentum` 0, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function rmsprop(options: Options<RmsProp> = {}): RmsProp {
  return checked<RmsProp>({ type: 'rmsprop', ...COMMON, rho: 0.99, epsilon: 1e-8, momentum: 0 }, options)
}

/**
 * Stochastic gradient descent with momentum as PyTorch defines it.
 * @param options `learningRate` 1e-3, `momentum` 0, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function sgd(options: Options<Sgd> = {}): Sgd {
  return checked<Sgd>({ type: 'sgd', ...COMMON, momentum: 0 }, options)
}

/** Reads an optimiser back from JSON. @throws SpecError */
export function optimizerFrom(json: unknown): Optimizer {
  const { type, ...options } = (json ?? {}) as Optimizer
  const makers: Record<string, (options: object) => Optimizer> = { adam, adamw, rmsprop, sgd }
  if (!Object.hasOwn(makers, type)) {
    throw new SpecError('optimizer.type', `"${type}" is unknown; there are ${Object.keys(makers).join(', ')}`)
  }
  return makers[type](options)
}

/** Shares of a whole; the other options may be any number not below 0. */
const BELOW_ONE = ['beta1', 'beta2', 'rho', 'momentum']

function checked<T extends Optimizer>(defaults: T, options: Partial<T>): T {
  const optimizer = { ...defaults }
  for (const [name, value] of Object.entries(options)) {
    if (!(name in defaults) || name === 'type') {
      const known = Object.keys(defaults).filter((key) => key !== 'type')
      throw new SpecError(`optimizer.${name}`, `${defaults.type} has no such option; there are ${known.join(', ')}`)
    }
    if (value === undefined) continue
    if (name === 'learningRate') checkRate(value, 'optimizer.learningRate')
    else checkOption(name, value)
    Object.assign(optimizer, { [name]: value })
  }
  return Object.freeze(optimizer)
}

function checkOption(name: string, value: unknown): void {
  const below = BELOW_ONE.includes(name) ? 1 : Infinity
  if (typeof value === 'number' && value >= 0 && value < below) return
  const range = below === 1 ? 'a number from 0 to below 1' : 'a finite number not below 0'
  throw new SpecError(`optimizer.${name}`, `needs ${range}, got ${value}`)
}
