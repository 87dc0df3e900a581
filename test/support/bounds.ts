import type { Activation } from '../../src/ops/activation.js'
import { activationBackward } from '../reference/activation.js'

// How far float32 may be from float64, from the length of the sum and WGSL's accuracy of built-in functions.

type Values = ArrayLike<number>

/** Half a unit in the last place of 1: the relative error of one rounding to float32. */
export const U = 2 ** -24

/** A unit in the last place of 1, in which WGSL states the accuracy of its functions. */
export const ULP = 2 ** -23

/**
 * Bounds of sums of `terms` products. Rounding errors are independent in sign, so the error of a sum grows with the square
 * root of its length (Higham and Mary 2019): 4·√terms·u·Σ|terms|.
 * @param magnitudes Σ|terms| of every element: the same sums over absolute values
 */
export function sumBounds(terms: number, magnitudes: Values): Float64Array {
  return Float64Array.from(magnitudes, (magnitude) => 4 * Math.sqrt(terms + 2) * U * magnitude)
}

/** The pre-activation's error, then the export function's own: WGSL allows tanh 1e-5 and exp 3 + 2|v| ULP. */
export function activationBounds(v: Float64Array, bounds: Float64Array, activation: Activation): Float64Array {
  return bounds.map((bound, i) => {
    if (activation === 'tanh') return bound + 1e-5
    if (activation === 'sigmoid') return bound + (6 + 2 * Math.abs(v[i])) * ULP
    if (activation === 'softplus' || activation === 'elu') return bound + 8 * ULP * Math.max(1, v[i])
    return bound
  })
}

/** Bounds of dy · act′(y), from those of dy: 1 − exp(−y) and y + 1 are off by some ULP themselves. */
export function derivativeBounds(y: Values, dy: Values, bounds: Values, activation: Activation): Float64Array {
  const own = activation === 'softplus' || activation === 'elu' ? 6 * ULP : 0
  return activationBackward(y, bounds as Float64Array, activation).map((bound, i) => bound + own * Math.abs(dy[i]))
}

/** The same bound for every element, relative to the largest. */
export function largestBounds(expected: Values, relative: number): Float64Array {
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return new Float64Array(expected.length).fill(relative * largest)
}

/** A relative bound of every element. */
export function relativeBounds(expected: Values, relative: number, absolute = 0): Float64Array {
  return Float64Array.from(expected, (value) => absolute + relative * Math.abs(value))
}

/**
 * Fails unless every element is within its bound of what is expected. NaN is looked for first; then the element that
 * exceeds its bound the most is shown with both values and the bound.
 */
export function expectWithin(actual: Values, expected: Values, bounds: Values, what: string): void {
  if (actual.length !== expected.length) throw new Error(`${what}: ${actual.length} values, expected ${expected.length}`)
  let worst = -1
  let worstRatio = 1
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i])) throw new Error(`${what}[${i}] is NaN, expected ${expected[i]}`)
    const difference = Math.abs(actual[i] - expected[i])
    const ratio = difference === 0 || actual[i] === expected[i] ? 0 : difference / bounds[i]
    if (ratio <= worstRatio) continue
    worst = i
    worstRatio = ratio
  }
  if (worst < 0) return
  const [came, wanted, bound] = [actual[worst], expected[worst], bounds[worst].toExponential(1)]
  throw new Error(`${what}[${worst}] is ${came}, expected ${wanted} ± ${bound}: ${worstRatio.toPrecision(2)} × the bound`)
}

/** Fails unless every element is the same number; NaN equals nothing. */
export function expectSame(actual: Values, expected: Values, what: string): void {
  expectWithin(actual, expected, new Float64Array(expected.length), what)
}

/** Fails unless the bits are the same, NaN and the sign of zero included. */
export function expectSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  if (actual.length !== expected.length) throw new Error(`${what}: ${actual.length} values, expected ${expected.length}`)
  const [a, b] = [actual, expected].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length))
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) throw new Error(`${what}[${i}] is ${actual[i]}, expected the bits of ${expected[i]}`)
  }
}
