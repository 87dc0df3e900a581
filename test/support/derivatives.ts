import { assertClose } from '../reference/compare.js'
import { centralDifferences } from '../reference/differences.js'
import { normalArray } from '../reference/formula.js'

type Values = ArrayLike<number>

/** Central differences with h = 1e-5 in float64: about 1e-10 from cancellation and 1e-10 from the third derivative. */
export const DIFFERENCES = 1e-8

/** Compares a backward pass with central differences of Σ y · dy, for random dy. */
export function checkBackward(
  what: string,
  forward: (x: Float64Array) => Values,
  x: Values,
  backward: (dy: Values) => Values,
): void {
  const dy = normalArray(forward(Float64Array.from(x)).length, 99)
  const dot = (y: Values) => dy.reduce((sum, d, i) => sum + d * y[i], 0)
  const expected = centralDifferences((probe) => dot(forward(probe)), x)
  assertClose(backward(dy), expected, what, DIFFERENCES * 10, DIFFERENCES)
}
