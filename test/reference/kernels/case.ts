import type { Dispatch, PlanTensor } from '../../../src/ops/dispatch.js'
import { MOST_STEPS, type StepValues } from '../../../src/schedule/step.js'
import { seedOf, uniformArray } from '../formula.js'

export type Words = Float32Array | Uint32Array
export type Constants = Record<string, number>
export type Bindings = Record<string, PlanTensor>

/** One output value in float64, and how far the kernel's may be from it. */
export interface Expected {
  output: string
  index: number
  value: number
  bound: number
  /** The value is the sum of so many, that far apart from `index` on; one unless given. */
  slices?: { count: number; stride: number }
}

/** What a check looks at. */
export interface Given {
  constants: Constants
  step: StepValues
  /** Tensors by binding, as they were before the kernel ran. */
  before: Record<string, Float32Array>
  /** The same, afterwards. */
  after: Record<string, Float32Array>
  /** Places of an output to look at, the same ones every time. */
  places(output: string): number[]
}

/** How a kernel's inputs are made and what its outputs must be. */
export interface Reference {
  /** Values of the inputs, padding 0; bindings left out start at 0. */
  inputs(constants: Constants, seed: number, bindings: Bindings): Record<string, Words>
  expected(given: Given): Expected[]
}

/** All that tests and benchmark know of a kernel, in whatever tiling. */
export interface KernelCase extends Reference {
  /** As in the kernel table; a further tiling, which has one more word in its name, shares the case of the first. */
  kernel: string
  /** What to run: for the tests on awkward shapes, for the benchmark what no step of a preset launches. */
  dispatches(size: Size): Dispatch[]
  /** Bindings that it reads and overwrites. */
  inPlace?: readonly string[]
  /** Of these, what it leaves alone with such constants. */
  idle?(constants: Constants): readonly string[]
}

/** How large the dispatches of a case are. */
export interface Size {
  /** Rows. */
  B: number
  /** The one for the tests, or the one to time. */
  of<T>(awkward: T, large: T): T
}

/** Tensors by their names, from their numbers of elements. */
export function tensors<N extends string>(elements: Record<N, number>): Record<N, PlanTensor> {
  const entries = Object.entries<number>(elements).map(([name, count]): [string, PlanTensor] => {
    return [name, { name, elements: count, storage: name, offset: 0 }]
  })
  return Object.fromEntries(entries) as Record<N, PlanTensor>
}

/** Elements of the ring that reconstruction and KL of B rows go to. */
export function ringOf(B: number): number {
  return 2 * MOST_STEPS * B
}

/**
 * Of a sum of products of random signs in any order, per unit of Σ|product|: some twenty times what rounding leaves,
 * and less than one product of a million.
 */
export const SUM_BOUND = 2 ** -20

/** Of exp, log, tanh and their like, absolute, for arguments of a few units. */
export const FUNCTION_BOUND = 2e-5

type Values = ArrayLike<number>

/** A value that is a sum of products, and how far a kernel's may be from it. */
export interface Summed {
  value: number
  bound: number
}

/**
 * The one value that a reference gives for these inputs. Its bound comes from the same sum over their magnitudes, so
 * `reference` must be nothing but sums of products of them.
 */
export function summed(reference: (...inputs: Values[]) => Values, ...inputs: Values[]): Summed {
  const magnitudes = inputs.map((values) => Float64Array.from(values, Math.abs))
  return { value: reference(...inputs)[0], bound: SUM_BOUND * reference(...magnitudes)[0] + 1e-7 }
}

/** Σ of all values. */
export function total(values: Values): Float64Array {
  return Float64Array.of(Array.from(values).reduce((sum, value) => sum + value, 0))
}

/** Column `index` of a matrix whose rows are `stride` apart. */
export function columnOf(values: Float32Array, rows: number, stride: number, index: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => values[row * stride + index])
}

/** Rows of `width` values in ±limit, each padded with zeros to whole vectors. */
export function rowsOf(name: string, seed: number, rows: number, width: number, limit = 1): Float32Array {
  const stride = Math.ceil(width / 4) * 4
  const values = uniformArray(rows * stride, seedOf(name, seed), limit)
  for (let row = 0; row < rows; row++) values.fill(0, row * stride + width, (row + 1) * stride)
  return values
}

/** As many values in ±limit as the tensor holds. */
export function whole(name: string, seed: number, { elements }: PlanTensor, limit = 1): Float32Array {
  return uniformArray(elements, seedOf(name, seed), limit)
}
