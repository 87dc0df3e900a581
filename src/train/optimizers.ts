import { checkKeys, describe, readName, readObject, readWeight } from '../checks.js'
import { SpecError } from '../errors.js'
import { checkRate, type Rate } from '../ops/rates.js'
import type { Adam, AdamW, Optimizer, RmsProp, Sgd } from '../ops/update.js'

/** What may be given of an optimiser; the rest has its default. */
type Options<T extends Optimizer> = Partial<Omit<T, 'type'>>

const COMMON = { learningRate: 1e-3, clipNorm: 0 }
const ADAM = { ...COMMON, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
const ADAM_DEFAULTS: Adam = { type: 'adam', ...ADAM }
const ADAMW_DEFAULTS: AdamW = { type: 'adamw', ...ADAM, weightDecay: 0.01 }
const RMSPROP_DEFAULTS: RmsProp = { type: 'rmsprop', ...COMMON, rho: 0.99, epsilon: 1e-8, momentum: 0 }
const SGD_DEFAULTS: Sgd = { type: 'sgd', ...COMMON, momentum: 0 }

/**
 * Adam (Kingma & Ba 2015) as PyTorch defines it.
 * @param options `learningRate` 1e-3, `beta1` 0.9, `beta2` 0.999, `epsilon` 1e-8, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function adam(options: Options<Adam> = {}): Adam {
  return checked(ADAM_DEFAULTS, options)
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019) as PyTorch defines it.
 * @param options Adam's, and `weightDecay` 0.01 unless given
 * @throws SpecError for values out of range
 */
export function adamw(options: Options<AdamW> = {}): AdamW {
  return checked(ADAMW_DEFAULTS, options)
}

/**
 * RMSprop (Tieleman & Hinton 2012) as PyTorch defines it, epsilon outside the root: `rho` is PyTorch's `alpha`.
 * Keras's settings are `{ rho: 0.9, epsilon: 1e-7 }`.
 * @param options `learningRate` 1e-3, `rho` 0.99, `epsilon` 1e-8, `momentum` 0, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function rmsprop(options: Options<RmsProp> = {}): RmsProp {
  return checked(RMSPROP_DEFAULTS, options)
}

/**
 * Stochastic gradient descent with momentum as PyTorch defines it.
 * @param options `learningRate` 1e-3, `momentum` 0, `clipNorm` 0 (off) unless given
 * @throws SpecError for values out of range
 */
export function sgd(options: Options<Sgd> = {}): Sgd {
  return checked(SGD_DEFAULTS, options)
}

const DEFAULTS = { adam: ADAM_DEFAULTS, adamw: ADAMW_DEFAULTS, rmsprop: RMSPROP_DEFAULTS, sgd: SGD_DEFAULTS }
const TYPES = Object.keys(DEFAULTS) as Optimizer['type'][]

/**
 * Reads an optimiser, wherever it comes in: from the caller, who may have made it by hand (`{ ...adam(), learningRate }`), or
 * from a file. Options that are missing have their defaults.
 * @param path of it, for the error
 * @throws SpecError
 */
export function optimizerFrom(value: unknown, path = 'optimizer'): Optimizer {
  const { type, ...options } = readObject(value, path, `what ${TYPES.map((name) => `${name}()`).join(', ')} return,`)
  return checked<Optimizer>(DEFAULTS[readName(type, `${path}.type`, 'optimizer', TYPES)], options, path)
}

/** Shares of a whole; the other options may be any number not below 0. */
const BELOW_ONE = ['beta1', 'beta2', 'rho', 'momentum']

function checked<T extends Optimizer>({ type, ...defaults }: T, given: unknown, path = 'optimizer'): T {
  const options = readObject(given, path, 'options')
  checkKeys(options, path, type, Object.keys(defaults))
  const read = Object.entries(options).map(([name, value]) => [name, readOption(value, name, path)])
  const set = Object.fromEntries(read.filter(([, value]) => value !== undefined))
  return Object.freeze({ type, ...defaults, ...set }) as unknown as T
}

function readOption(value: unknown, name: string, path: string): Rate | undefined {
  if (value === undefined) return undefined
  if (name === 'learningRate') return checkRate(value, `${path}.learningRate`)
  if (!BELOW_ONE.includes(name)) return readWeight(value, `${path}.${name}`)
  if (typeof value === 'number' && value >= 0 && value < 1) return value
  throw new SpecError(`${path}.${name}`, `needs a number from 0 to below 1, got ${describe(value)}`)
}
