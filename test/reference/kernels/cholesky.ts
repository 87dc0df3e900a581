import { choleskyBackward, choleskyForward, choleskyHeadWidth, triangleSize } from '../../../src/ops/cholesky.js'
import { padTo4 } from '../../../src/ops/dispatch.js'
import * as reference from '../cholesky.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, tensors,
  type Constants, type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

// A row of head is mean, then the lower triangle row by row, each padded to whole vectors; one row an image.

function inputsOf({ B, Z }: Constants, seed: number): Record<string, Float32Array> {
  const [width, T] = [choleskyHeadWidth(Z), triangleSize(Z)]
  const [means, triangles] = [rowsOf('mean', seed, B, Z), rowsOf('triangle', seed, B, T)]
  const head = new Float32Array(B * width)
  for (let n = 0; n < B; n++) {
    head.set(means.subarray(n * padTo4(Z), (n + 1) * padTo4(Z)), n * width)
    head.set(triangles.subarray(n * padTo4(T), (n + 1) * padTo4(T)), n * width + padTo4(Z))
  }
  return { head, noise: rowsOf('noise', seed, B, Z, 2), dz: rowsOf('dz', seed, B, Z) }
}

/** What belongs to one row. */
function rowOf({ constants: { Z }, before }: Given, noise: Float32Array, n: number) {
  const at = n * choleskyHeadWidth(Z)
  const row = (values: Float32Array) => values.subarray(n * padTo4(Z), n * padTo4(Z) + Z)
  return {
    mean: before.head.subarray(at, at + Z),
    output: before.head.subarray(at + padTo4(Z), at + padTo4(Z) + triangleSize(Z)),
    noise: row(noise),
    dz: before.dz && row(before.dz),
  }
}

/** z = μ + L ε and the KL divergence of every row */
const forward: Reference = {
  inputs: (constants, seed) => {
    const { head, noise } = inputsOf(constants, seed)
    return { head, ...(!constants.DRAW && { noise }) }
  },
  expected: (given) => {
    const { constants: { B, Z, DRAW }, step, before, after, places } = given
    const row = (n: number) => rowOf(given, DRAW ? after.noise : before.noise, n)
    const z = places('z').map((index): Expected => {
      const [n, j] = [Math.floor(index / padTo4(Z)), index % padTo4(Z)]
      const { mean, output, noise } = row(n)
      const value = j < Z ? reference.choleskyForward(mean, output, noise)[j] : 0
      return { output: 'z', index, value, bound: j < Z ? Z * FUNCTION_BOUND : 0 }
    })
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const value = reference.choleskyKlForward(row(n).mean, row(n).output)
      return { output: 'losses', index: B + n, value, bound: Z * Z * FUNCTION_BOUND }
    })
    return [...z, ...losses]
  },
}

/** The gradients of both */
const backward: Reference = {
  inputs: inputsOf,
  expected: (given) => {
    const { constants: { Z }, step, before, places } = given
    const width = choleskyHeadWidth(Z)
    const weight = step.klWeight * step.scale
    return places('dhead').map((index): Expected => {
      const [n, i] = [Math.floor(index / width), index % width]
      const t = i - padTo4(Z)
      if (n >= step.batch || (t < 0 ? i >= Z : t >= triangleSize(Z))) return { output: 'dhead', index, value: 0, bound: 0 }
      const { mean, output, noise, dz } = rowOf(given, before.noise, n)
      const path = reference.choleskyBackward(dz, output, noise)
      const kl = reference.choleskyKlBackward(mean, output)
      const value = t < 0 ? path.dMean[i] + weight * kl.dMean[i] : path.dOutput[t] + weight * kl.dOutput[t]
      return { output: 'dhead', index, value, bound: FUNCTION_BOUND }
    })
  },
}

function sizesOf({ B, of }: Size) {
  const Z = of(6, 20)
  const width = B * choleskyHeadWidth(Z)
  const [noise, status] = [B * padTo4(Z), 1]
  const t = tensors({ head: width, dhead: width, noise, z: noise, dz: noise, losses: ringOf(B), status })
  return { t, shape: { B, Z } }
}

export const choleskyCases: KernelCase[] = [
  {
    kernel: 'cholesky_forward',
    ...forward,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [choleskyForward(t, shape, true), ...size.of([choleskyForward(t, shape, false)], [])]
    },
  },
  {
    kernel: 'cholesky_backward',
    ...backward,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [choleskyBackward(t, shape)]
    },
  },
]
