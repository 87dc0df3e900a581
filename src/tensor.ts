import { ShapeError } from './errors.js'

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
  const rowSize = elementCount(rowShape)
  const isTensor = !(value instanceof Float32Array)
  const data = isTensor ? value?.data : value
  if (!(data instanceof Float32Array)) {
    throw new ShapeError(`${what}: needs a Float32Array or { shape, data: Float32Array }, got ${describe(value)}`)
  }
  const rows = data.length / rowSize
  if (!Number.isInteger(rows) || rows === 0) {
    throw new ShapeError(
      `${what}: has ${data.length} values, needs a multiple of ${rowSize} = ${rowShape.join(' × ')}, and at least one`,
    )
  }
  if (isTensor && elementCount(value.shape) !== data.length) {
    throw new ShapeError(`${what}: shape [${value.shape}] has ${elementCount(value.shape)} values, data has ${data.length}`)
  }
  if (isTensor && value.shape[0] !== rows) {
    throw new ShapeError(`${what}: shape [${value.shape}] does not begin with the ${rows} rows of ${rowShape.join(' × ')}`)
  }
  return { data, rows }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return value.constructor?.name ?? 'an object'
}
