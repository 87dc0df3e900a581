import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { activationForward } from '../reference/activation.js'
import { uniformArray } from '../reference/formula.js'
import type { Activation } from '../../src/ops/activation.js'

type Values = ArrayLike<number>

/** Sizes around every tile's edge: 1, the quads, 8, 16, 32, and a size of many tiles. */
export const AWKWARD_SIZES: readonly number[] = [1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 33, 100]

/** One image, less than eight rows, eight, and more. */
export const AWKWARD_BATCHES: readonly number[] = [1, 3, 8, 13]

/** A matrix as the kernels want it: rows padded with zeros to whole vectors, zero rows behind the last. */
export function padMatrix(values: Values, rows: number, columns: number, paddedRows = rows): Float32Array {
  const stride = padTo4(columns)
  const padded = new Float32Array(paddedRows * stride)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) padded[row * stride + column] = values[row * columns + column]
  }
  return padded
}

/** The same in float64, for what is expected. */
export function padExpected(values: Values, rows: number, columns: number, paddedRows = rows): Float64Array {
  const stride = padTo4(columns)
  const padded = new Float64Array(paddedRows * stride)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) padded[row * stride + column] = values[row * columns + column]
  }
  return padded
}

/** Random output of a layer of that activation: `[padRows(B), columns]`, the rows behind the batch hold something too. */
export function randomActivations(B: number, columns: number, activation: Activation, seed: number): Float32Array {
  return Float32Array.from(activationForward(uniformArray(padRows(B) * columns, seed, 2), activation))
}

/** Random gradients `[padRows(B), columns]`, zero in the rows behind the batch, as the loss kernels leave them. */
export function randomGradients(B: number, columns: number, seed: number): Float32Array {
  const values = uniformArray(padRows(B) * columns, seed)
  return values.fill(0, B * columns)
}

/** Absolute values. */
export function magnitudes(values: Values): Float64Array {
  return Float64Array.from(values, Math.abs)
}

/** Rows of mean, then log-variance, each padded with zeros to whole vectors. */
export function padHeads<T extends Float32Array | Float64Array>(mean: T, logVariance: T, rows: number, Z: number): T {
  const stride = Math.ceil(Z / 4) * 4
  const Values = mean.constructor as new (length: number) => T
  const heads = new Values(rows * 2 * stride)
  for (let n = 0; n < rows; n++) {
    heads.set(mean.subarray(n * Z, (n + 1) * Z), 2 * n * stride)
    heads.set(logVariance.subarray(n * Z, (n + 1) * Z), (2 * n + 1) * stride)
  }
  return heads
}
