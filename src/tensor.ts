import { floatsOf } from './arrays.js'
import { describe, guarded, isWhole } from './checks.js'
import { DataError, ShapeError } from './errors.js'

/** A plain array of 32-bit floats with its shape, row-major. */
export interface Tensor {
  shape: number[]
  data: Float32Array
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1)
}

/**
 * Reads an argument that may be a `Tensor` or a bare `Float32Array` as rows of `rowShape`.
 * @returns the flat data and the number of rows.
 * @throws ShapeError when the length or the shape does not fit.
 */
export function asRows(
  value: Tensor | Float32Array,
  rowShape: readonly number[],
  what: string,
): { data: Float32Array; rows: number } {
  const { shape, data } = readTensor(value, what)
  const rowSize = elementCount(rowShape)
  const rows = data.length / rowSize
  if (!Number.isInteger(rows) || rows === 0) {
    throw new ShapeError(
      `${what}: has ${data.length} values, needs a multiple of ${rowSize} = ${rowShape.join(' × ')}, and at least one`,
    )
  }
  if (shape && elementCount(shape) !== data.length) {
    throw new ShapeError(`${what}: shape [${shape}] has ${elementCount(shape)} values, data has ${data.length}`)
  }
  if (shape && shape[0] !== rows) {
    throw new ShapeError(`${what}: shape [${shape}] does not begin with the ${rows} rows of ${rowShape.join(' × ')}`)
  }
  return { data, rows }
}

/**
 * The parts of a `Tensor`, or of a bare `Float32Array`, which has no shape: plain arrays, each read once.
 * @throws ShapeError when it is neither
 */
export function readTensor(value: unknown, what: string): { shape?: number[]; data: Float32Array<ArrayBuffer> } {
  const bare = floatsOf(value)
  if (bare) return { data: bare }
  const { shape, data } = readParts(value, what)
  const floats = floatsOf(data)
  if (!floats) {
    const came = value === undefined ? 'undefined' : describe(value)
    throw new ShapeError(`${what}: needs a Float32Array or { shape, data: Float32Array }, got ${came}`)
  }
  return { shape: readShape(shape, what), data: floats }
}

/** `shape` and `data` of whatever came, each read once. @throws ShapeError when reading throws */
export function readParts(value: unknown, what: string): { shape: unknown; data: unknown } {
  return guarded(() => {
    const { shape, data } = (value ?? {}) as Partial<Tensor>
    return { shape, data }
  }, refusal(what))
}

const MOST_DIMENSIONS = 16

/** A copy of a shape: whole numbers from 0 on, at most 16 of them. @throws ShapeError */
export function readShape(value: unknown, what: string): number[] {
  return guarded(() => {
    if (!Array.isArray(value) || value.length > MOST_DIMENSIONS) {
      const came = Array.isArray(value) ? `${value.length} of them` : describe(value)
      throw new ShapeError(`${what}: shape needs at most ${MOST_DIMENSIONS} whole numbers, got ${came}`)
    }
    const sizes = Array.from(value as unknown[])
    const bad = sizes.findIndex((size) => !isWhole(size))
    if (bad < 0) return sizes as number[]
    throw new ShapeError(`${what}: shape[${bad}] needs a whole number from 0 on, got ${describe(sizes[bad])}`)
  }, refusal(what))
}

function refusal(what: string): (reason: string, options: ErrorOptions) => ShapeError {
  return (reason, options) => new ShapeError(`${what}: ${reason}`, options)
}

/** Columns `first` to `first + count − 1` of a row-major matrix. */
export function columns(data: Float32Array, rows: number, width: number, first: number, count: number): Float32Array {
  const out = new Float32Array(rows * count)
  for (let n = 0; n < rows; n++) out.set(data.subarray(n * width + first, n * width + first + count), n * count)
  return out
}

/** @throws DataError naming the first value that is not finite. */
export function checkFinite(data: Float32Array, what: string, width: number): void {
  const bad = data.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return
  throw new DataError(`${what}: row ${Math.floor(bad / width)}, value ${bad % width} is ${data[bad]}, needs a finite number`)
}
