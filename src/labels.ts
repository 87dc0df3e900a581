import { bytesOf } from './arrays.js'
import { describe, guarded } from './checks.js'
import { DataError } from './errors.js'

/** The label of an image whose class is not known. Only a model with a classifier takes it. */
export const UNLABELED = 255

/** Longer arrays of plain numbers take too long to look through. */
const MOST_NUMBERS = 2 ** 24

const KINDS = [Uint8Array, Uint16Array, Uint32Array, Int32Array]

/**
 * The labels of a call: an array of numbers, or a typed array of whole ones. Which classes there are the model knows.
 * @returns a copy
 * @throws DataError when it is no such array
 */
export function readLabels(value: unknown, what: string): InstanceType<(typeof KINDS)[number]> | number[] {
  const refuse = (reason: string, options?: ErrorOptions) => new DataError(`${what}: ${reason}`, options)
  return guarded(() => {
    const bytes = bytesOf(value)
    if (bytes) return bytes.slice()
    if (ArrayBuffer.isView(value)) {
      const kind = KINDS.find((candidate) => value instanceof candidate)
      if (kind) return new kind(value as Uint32Array)
    } else if (Array.isArray(value)) {
      if (value.length > MOST_NUMBERS) throw refuse(`has ${value.length} numbers; take a Uint8Array for so many`)
      const labels: unknown[] = Array.from(value)
      const bad = labels.findIndex((label) => typeof label !== 'number')
      if (bad < 0) return labels as number[]
      throw refuse(`number ${bad} is ${describe(labels[bad])}, needs a number`)
    }
    throw refuse(`needs an array of whole numbers, got ${describe(value)}`)
  }, refuse)
}
