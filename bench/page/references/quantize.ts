import { padTo4 } from '../../../src/ops/dispatch.js'
import { hash, uniform } from '../../../test/reference/formula.js'
import { squaredDistance } from '../../../test/reference/quantize.js'
import {
  rowsOf, Sum, SUM_BOUND, whole, type Bindings, type Constants, type Expected, type Given, type Reference,
} from './reference.js'

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
const quantizeNearest: Reference = {
  inputs: ({ B, P, D }, seed, bindings) => ({
    z: rowsOf('z', seed, B, P * D),
    codebook: codebookOf('codebook', seed, bindings, D),
  }),
  expected: ({ constants: { P, D, K }, before: { z, codebook }, after, places }) => {
    const [strideZ, strideCodes] = [padTo4(P * D), padTo4(P)]
    const rows = Float64Array.from({ length: K * D }, (_, i) => codebook[Math.floor(i / D) * padTo4(D) + (i % D)])
    return places('codes').filter((index) => index % strideCodes < P).map((index) => {
      const first = Math.floor(index / strideCodes) * strideZ + (index % strideCodes) * D
      const distance = (k: number) => squaredDistance(z, first, rows, k, D)
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
const quantizeForward: Reference = {
  inputs: (constants, seed, bindings) => ({
    z: rowsOf('z', seed, constants.B, constants.P * constants.D),
    codes: codesByCodebook(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: (given) => {
    const { constants, step, before, places } = given
    const { B, P, D, COMMITMENT, COUNT } = constants
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      let sum = 0
      for (let i = 0; i < P * D; i++) sum += (before.z[n * padTo4(P * D) + i] - chosenValue(given, n, i)) ** 2
      const value = (1 + COMMITMENT) * sum
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

const codebookGather: Reference = {
  inputs: (constants, seed, bindings) => ({
    codes: codesByCodebook(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: chosenValues,
}

/** dz = dy + 2 · COMMITMENT / batch · (z − y), 0 for n ≥ batch */
const quantizeBackward: Reference = {
  inputs: ({ B, N }, seed) =>
    Object.fromEntries(['dy', 'z', 'y'].map((name) => [name, rowsOf(name, seed, B, N)])),
  expected: ({ constants: { N, COMMITMENT }, step, before: { dy, z, y }, places }) =>
    places('dz').map((index) => {
      const live = Math.floor(index / padTo4(N)) < step.batch
      const value = live ? dy[index] + 2 * COMMITMENT * step.scale * (z[index] - y[index]) : 0
      return { output: 'dz', index, value, bound: live ? 1e-6 : 0 }
    }),
}

/** Sums over the positions of the batch that chose code k. */
function overChosen({ constants: { P, D }, step, before: { z, codes } }: Given, k: number, add: (z: number[]) => void) {
  const chosen = words(codes)
  for (let n = 0; n < step.batch; n++) {
    for (let p = 0; p < P; p++) {
      if (chosen[n * padTo4(P) + p] !== k) continue
      const first = n * padTo4(P * D) + p * D
      add([...z.subarray(first, first + D)])
    }
  }
}

function chosenInputs(constants: Constants, seed: number, bindings: Bindings) {
  const B = bindings.codes.elements / padTo4(constants.P)
  return {
    z: rowsOf('z', seed, B, constants.P * constants.D),
    codes: codesOf(constants, seed, bindings, constants.K),
  }
}

/** dcodebook[k] = 2 / batch · Σ (e_k − z) over the positions that chose k */
const codebookBackward: Reference = {
  inputs: (constants, seed, bindings) => ({
    ...chosenInputs(constants, seed, bindings),
    codebook: codebookOf('codebook', seed, bindings, constants.D),
  }),
  expected: (given) => {
    const { constants: { D, K }, step, before: { codebook }, places } = given
    return places('dcodebook').filter((index) => index % padTo4(D) < D).map((index) => {
      const [k, d] = [Math.floor(index / padTo4(D)), index % padTo4(D)]
      const sum = new Sum()
      if (k < K) overChosen(given, k, (z) => sum.add(codebook[index] - z[d]))
      return { output: 'dcodebook', index, value: 2 * step.scale * sum.value, bound: 2 * step.scale * sum.bound }
    })
  },
}

/** counts[k] and sums[k] of the positions that chose k, for a batch's first slice */
const codebookSum: Reference = {
  inputs: chosenInputs,
  expected: (given) => {
    const { constants: { D }, places } = given
    const counts = places('counts').map((k): Expected => {
      let count = 0
      overChosen(given, k, () => count++)
      return { output: 'counts', index: k, value: count, bound: 0 }
    })
    const sums = places('sums').filter((index) => index % padTo4(D) < D).map((index): Expected => {
      const sum = new Sum()
      overChosen(given, Math.floor(index / padTo4(D)), (z) => sum.add(z[index % padTo4(D)]))
      return { output: 'sums', index, value: sum.value, bound: sum.bound }
    })
    return [...counts, ...sums]
  },
}

/** count and mean move by 1 − DECAY; e_k = mean / smoothed count. No code is dead here. */
const codebookAverage: Reference = {
  inputs: ({ D }, seed, bindings) => ({
    counts: Float32Array.from({ length: bindings.counts.elements }, (_, k) => hash(k, seed) % 4),
    count: Float32Array.from({ length: bindings.count.elements }, (_, k) => 1 + uniform(k, seed)),
    sums: codebookOf('sums', seed, bindings, D),
    mean: codebookOf('mean', seed, bindings, D),
    z: whole('z', seed, bindings.z),
  }),
  expected: ({ constants: { D, K, DECAY }, before: { counts, count, sums, mean }, places }) => {
    const moved = (old: number, now: number) => DECAY * old + (1 - DECAY) * now
    let total = 0
    for (let k = 0; k < K; k++) total += moved(count[k], counts[k])
    return places('codebook').flatMap((index): Expected[] => {
      const k = Math.floor(index / padTo4(D))
      if (k >= K) return []
      const smoothed = ((moved(count[k], counts[k]) + 1e-5) / (total + K * 1e-5)) * total
      const average = moved(mean[index], sums[index])
      return [
        { output: 'count', index: k, value: moved(count[k], counts[k]), bound: 1e-6 },
        { output: 'mean', index, value: average, bound: 1e-6 },
        { output: 'codebook', index, value: average / smoothed, bound: 1e-5 },
      ]
    })
  },
}

export const quantizeReferences: Record<string, Reference> = {
  quantize_nearest: quantizeNearest,
  quantize_forward: quantizeForward,
  quantize_backward: quantizeBackward,
  codebook_gather: codebookGather,
  codebook_backward: codebookBackward,
  codebook_sum: codebookSum,
  codebook_average: codebookAverage,
}
