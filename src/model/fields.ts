import { readWhole as readAnyWhole } from '../checks.js'
import { SpecError } from '../errors.js'

/** Most elements any tensor of a model may have: indices inside the kernels are 32 bits wide. */
export const MAX_ELEMENTS = 2 ** 31

/** A whole number from `least` on that 32-bit indices reach. @throws SpecError */
export function readWhole(value: unknown, path: string, least: number): number {
  return checkElements(readAnyWhole(value, path, least), path)
}

/**
 * A number of elements that 32-bit indices reach.
 * @param formula for the message: where the number comes from
 * @throws SpecError
 */
export function checkElements(count: number, path: string, formula = ''): number {
  if (count <= MAX_ELEMENTS) return count
  throw new SpecError(path, `would need ${count} values${formula && ` = ${formula}`}, at most 2^31 are possible`)
}
