import { padTo4, type Dispatch } from '../../../src/ops/dispatch.js'
import {
  codebookAverage, codebookBackward, codebookGather, codebookSum, quantizeBackward, quantizeForward, quantizeNearest,
} from '../../../src/ops/quantize.js'
import { hash, uniform } from '../formula.js'
import * as reference from '../quantize.js'
import {
  ringOf, rowsOf, SUM_BOUND, tensors, whole,
  type Bindings, type Constants, type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

// z and y are (B, P4(P·D)), codes words (B, P4(P)), codebooks (P4(K), P4(D)).

const NO_CODE = 0xffffffff

/** Rows of `width` values in as many words as the tensor has. */
function codebookOf(name: string, seed: number, bindings: Bindings, D: number, limit = 1): Float32Array {
  const { elements } = bindings[name]
  return rowsOf(name, seed, elements / padTo4(D), D, limit)
}

/** A code for every position. */
function codesOf({ P }: Constants, seed: number, { codes }: Bindings, K: number): Uint32Array {
  const stride = padTo4(P)
  return Uint32Array.from({ length: codes.elements }, (_, i) => (i % stride < P ? hash(i, seed) % K : NO_CODE))
}

function words(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

/** The float of the same bits: tensors of words are compared as floats. */
function asFloat(word: number): number {
  return new Float32Array(Uint32Array.of(word).buffer)[0]
}

/** codes[n,p] = argmin_k |z[n,p] − e_k|², another one where rounding can make no difference */
const nearest: Reference = {
  inputs: ({ B, P, D }, seed, bindings) => ({
    z: rowsOf('z', seed, B, P * D),
    codebook: codebookOf('codebook', seed, bindings, D),
  }),
  expected: ({ constants: { P, D, K }, before: { z, codebook }, after, places }) => {
    const [strideZ, strideCodes] = [padTo4(P * D), padTo4(P)]
    const rows = withoutPadding(codebook, K, D)
    return places('codes').filter((index) => index % strideCodes < P).map((index) => {
      const first = Math.floor(index / strideCodes) * strideZ + (index % strideCodes) * D
      const distance = (k: number) => reference.squaredDistance(z, first, rows, k, D)
      let best = 0
      for (let k = 1; k < K; k++) if (distance(k) < distance(best)) best = k
      const [found] = words(after.codes.subarray(index, index + 1))
      const asGood = found < K && distance(found) - distance(best) <= SUM_BOUND * 4 * D
      return { output: 'codes', index, value: asFloat(asGood ? found : best), bound: 0 }
    })
  },
}

/** Value i of row n of an image of chosen codes. */
function chosenValue({ constants: { P, D }, before: { codes, codebook } }: Given, n: number, i: number): number {
  if (i >= P * D) return 0
  return codebook[words(codes)[n * padTo4(P) + Math.floor(i / D)] * padTo4(D) + (i % D)]
}

function chosenValues(given: Given): Expected[] {
  const { constants, places } = given
  const stride = padTo4(constants.P * constants.D)
  return places('y').map((index) => {
    const value = chosenValue(given, Math.floor(index / stride), index % stride)
    return { output: 'y', index, value, bound: 0 }
  })
}

/** The codes of a kernel whose constants do not tell how many there are. */
function codesByCodebook(constants: Constants, seed: number, bindings: Bindings): Uint32Array {
  return codesOf(constants, seed, bindings, bindings.codebook.elements / padTo4(constants.D))
}

/** y[n,p] = e[codes[n,p]]; losses[B + n] = (1 + COMMITMENT) Σ |z − y|²; with COUNT usage[k] of the batch */
const forward: Reference = {
  inputs: (constants, seed, bindings) => ({
    z: rowsOf('z', seed, constants.B, constants.P * constants.D),
    codes: codesByCodebook(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: (given) => {
    const { constants, step, before, places } = given
    const { B, P, D, COMMITMENT, COUNT } = constants
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const z = before.z.subarray(n * padTo4(P * D), n * padTo4(P * D) + P * D)
      const value = reference.quantizationForward(z, z.map((_, i) => chosenValue(given, n, i)), COMMITMENT)
      return { output: 'losses', index: B + n, value, bound: SUM_BOUND * value }
    })
    if (!COUNT) return [...chosenValues(given), ...losses]
    const used = words(before.codes).subarray(0, step.batch * padTo4(P))
    const usage = places('usage').map((k): Expected => {
      const count = used.reduce((sum, code) => sum + Number(code === k), 0)
      return { output: 'usage', index: k, value: asFloat(count), bound: 0 }
    })
    return [...chosenValues(given), ...losses, ...usage]
  },
}

const gather: Reference = {
  inputs: (constants, seed, bindings) => ({
    codes: codesByCodebook(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: chosenValues,
}

/** dz = dy + 2 · COMMITMENT / batch · (z − y), 0 for n ≥ batch */
const backward: Reference = {
  inputs: ({ B, N }, seed) =>
    Object.fromEntries(['dy', 'z', 'y'].map((name) => [name, rowsOf(name, seed, B, N)])),
  expected: ({ constants: { N, COMMITMENT }, step, before: { dy, z, y }, places }) =>
    places('dz').map((index) => {
      const live = Math.floor(index / padTo4(N)) < step.batch
      const [own] = reference.commitmentBackward([z[index]], [y[index]], COMMITMENT)
      const value = live ? dy[index] + step.scale * own : 0
      return { output: 'dz', index, value, bound: live ? 1e-6 : 0 }
    }),
}

/** The vectors of the batch and what they chose, one after the other. */
function chosenVectors({ constants: { P, D }, step, before: { z, codes } }: Given) {
  const chosen = words(codes)
  const count = step.batch * P
  return {
    z: Float32Array.from({ length: count * D }, (_, i) => {
      return z[Math.floor(i / (P * D)) * padTo4(P * D) + (i % (P * D))]
    }),
    codes: Uint32Array.from({ length: count }, (_, t) => chosen[Math.floor(t / P) * padTo4(P) + (t % P)]),
  }
}

/** Counts and sums of the codes, and the same of magnitudes, which rounding depends on. */
function chosenSums(given: Given) {
  const { D, K } = given.constants
  const { z, codes } = chosenVectors(given)
  return { ...reference.sumsByCode(z, codes, K, D), sizes: reference.sumsByCode(z.map(Math.abs), codes, K, D).sums }
}

/** Where a value of a padded codebook stands in one without padding; undefined in the padding. */
function unpadded(index: number, K: number, D: number): number | undefined {
  const [k, d] = [Math.floor(index / padTo4(D)), index % padTo4(D)]
  return k < K && d < D ? k * D + d : undefined
}

function withoutPadding(codebook: Float32Array, K: number, D: number): Float32Array {
  return Float32Array.from({ length: K * D }, (_, i) => codebook[Math.floor(i / D) * padTo4(D) + (i % D)])
}

function chosenInputs(constants: Constants, seed: number, bindings: Bindings) {
  const B = bindings.codes.elements / padTo4(constants.P)
  return {
    z: rowsOf('z', seed, B, constants.P * constants.D),
    codes: codesOf(constants, seed, bindings, constants.K),
  }
}

/** dcodebook[k] = 2 / batch · Σ (e_k − z) over the positions that chose k */
const gradient: Reference = {
  inputs: (constants, seed, bindings) => ({
    ...chosenInputs(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: (given) => {
    const { constants: { D, K }, step, before, places } = given
    const codebook = withoutPadding(before.codebook, K, D)
    const { counts, sums, sizes } = chosenSums(given)
    const exact = reference.codebookBackward(codebook, { counts, sums })
    return places('dcodebook').map((index): Expected => {
      const at = unpadded(index, K, D)
      if (at === undefined) return { output: 'dcodebook', index, value: 0, bound: 0 }
      const size = counts[Math.floor(at / D)] * Math.abs(codebook[at]) + sizes[at]
      const bound = 2 * step.scale * (SUM_BOUND * size + 1e-7)
      return { output: 'dcodebook', index, value: step.scale * exact[at], bound }
    })
  },
}

/** counts[k] and sums[k] of the positions that chose k, for a batch's first slice */
const sum: Reference = {
  inputs: chosenInputs,
  expected: (given) => {
    const { constants: { D, K }, places } = given
    const { counts, sums, sizes } = chosenSums(given)
    return [
      ...places('counts').map((k): Expected => ({ output: 'counts', index: k, value: counts[k] ?? 0, bound: 0 })),
      ...places('sums').flatMap((index): Expected[] => {
        const at = unpadded(index, K, D)
        return at === undefined ? [] : [{ output: 'sums', index, value: sums[at], bound: SUM_BOUND * sizes[at] + 1e-7 }]
      }),
    ]
  },
}

/** Moved counts, sums and codes. No code is dead here. */
const average: Reference = {
  inputs: ({ D }, seed, bindings) => ({
    counts: Float32Array.from({ length: bindings.counts.elements }, (_, k) => hash(k, seed) % 4),
    count: Float32Array.from({ length: bindings.count.elements }, (_, k) => 1 + uniform(k, seed)),
    sums: codebookOf('sums', seed, bindings, D),
    mean: codebookOf('mean', seed, bindings, D),
    z: whole('z', seed, bindings.z),
  }),
  expected: ({ constants: { D, K }, before, places }) => {
    const { counts, count, sums, mean } = before
    const of = (counts: Float32Array, sums: Float32Array) => {
      return { counts: counts.subarray(0, K), sums: withoutPadding(sums, K, D) }
    }
    const moved = reference.averageForward(of(count, mean), of(counts, sums))
    return places('codebook').flatMap((index): Expected[] => {
      const at = unpadded(index, K, D)
      if (at === undefined) return []
      const k = Math.floor(at / D)
      return [
        { output: 'count', index: k, value: moved.count[k], bound: 1e-6 },
        { output: 'mean', index, value: moved.mean[at], bound: 1e-6 },
        { output: 'codebook', index, value: moved.codebook[at], bound: 1e-5 },
      ]
    })
  },
}

function sizesOf({ B, of }: Size) {
  const { P, D, K } = of({ P: 6, D: 5, K: 7 }, { P: 64, D: 16, K: 512 })
  const [rows, table, counts] = [B * padTo4(P * D), padTo4(K) * padTo4(D), padTo4(K)]
  const images = { z: rows, y: rows, dy: rows, dz: rows, codes: B * padTo4(P), losses: ringOf(B), status: 1 }
  const tables = { codebook: table, dcodebook: table, sums: table, mean: table, counts, count: counts, usage: counts }
  return { t: tensors({ ...images, ...tables }), shape: { B, P, D, K } }
}

const withShape = (make: (sizes: ReturnType<typeof sizesOf>) => Dispatch) => (size: Size) => [make(sizesOf(size))]

export const quantizeCases: KernelCase[] = [
  {
    kernel: 'quantize_nearest',
    ...nearest,
    dispatches: withShape(({ t, shape }) => quantizeNearest(t, shape)),
  },
  {
    kernel: 'quantize_forward',
    ...forward,
    dispatches: withShape(({ t, shape }) => quantizeForward(t, shape, { commitment: 0.25, count: true })),
  },
  {
    kernel: 'quantize_backward',
    ...backward,
    dispatches: withShape(({ t, shape }) => quantizeBackward(t, shape, 0.25)),
  },
  { kernel: 'codebook_gather', ...gather, dispatches: withShape(({ t, shape }) => codebookGather(t, shape)) },
  {
    kernel: 'codebook_backward',
    ...gradient,
    dispatches: withShape(({ t, shape }) => codebookBackward(t, shape)),
  },
  { kernel: 'codebook_sum', ...sum, dispatches: withShape(({ t, shape }) => codebookSum(t, shape)) },
  {
    kernel: 'codebook_average',
    inPlace: ['count', 'mean'],
    ...average,
    dispatches: withShape(({ t, shape }) => codebookAverage(t, shape)),
  },
]
