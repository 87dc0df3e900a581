// How two arrays are compared, and what a failure says.

type Values = ArrayLike<number>

/** The element that exceeds its bound the most, or comes closest to it. */
export interface Difference {
  index: number
  actual: number
  expected: number
  bound: number
  /** True when every element is within its bound; a NaN never is. */
  within: boolean
}

/** ‖actual − expected‖ / ‖expected‖, undivided where `expected` is all zero. NaN if either holds one. */
export function relativeError(actual: Values, expected: Values): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`)
  let difference = 0
  let size = 0
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2
    size += expected[i] ** 2
  }
  return Math.sqrt(difference) / (size === 0 ? 1 : Math.sqrt(size))
}

/** Euclidean norm. */
export function norm(values: Values): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2
  return Math.sqrt(sum)
}

/** The worst element of `actual`; each may differ by `absolute + relative · |expected|`. */
export function worstDifference(actual: Values, expected: Values, absolute: number, relative = 0): Difference {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`)
  let worst: Difference = { index: -1, actual: 0, expected: 0, bound: absolute, within: true }
  let worstRatio = -1
  for (let index = 0; index < expected.length; index++) {
    const bound = absolute + relative * Math.abs(expected[index])
    const difference = Math.abs(actual[index] - expected[index])
    const ratio = difference === 0 ? 0 : difference / bound
    if (ratio <= worstRatio) continue
    worst = { index, actual: actual[index], expected: expected[index], bound, within: ratio <= 1 }
    if (Number.isNaN(ratio)) break
    worstRatio = ratio
  }
  return worst
}

/**
 * Throws, with index, both values and the bound, when an element of `actual` is further than
 * `absolute + relative · |expected|` from its expected value.
 */
export function assertClose(actual: Values, expected: Values, what: string, absolute: number, relative = 0): void {
  const worst = worstDifference(actual, expected, absolute, relative)
  if (worst.within) return
  const bound = worst.bound.toExponential(1)
  throw new Error(`${what}[${worst.index}] is ${worst.actual}, expected ${worst.expected} ± ${bound}`)
}
