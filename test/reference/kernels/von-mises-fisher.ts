import { padTo4 } from '../../../src/ops/dispatch.js'
import {
  SPHERE_SAVED, sphereHeadWidth, sphereNoiseWidth, vmfBackward, vmfForward,
} from '../../../src/ops/von-mises-fisher.js'
import { uniform } from '../formula.js'
import { concentrationOf, Marginal, sphereBackward, sphereForward } from '../von-mises-fisher.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, tensors, type Expected, type KernelCase, type Reference, type Size,
} from './case.js'

// A learned concentration, one row an image. A row of head is mean, then the concentration's output.

/** Heads with κ from 1 to 5, and noise. */
function inputsOf(rows: number, size: number, seed: number) {
  const width = sphereHeadWidth(size)
  const head = rowsOf('head', seed, rows, width, 3)
  const noise = rowsOf('noise', seed, rows, size + 1, 2)
  for (let n = 0; n < rows; n++) {
    head.fill(0, n * width + size, n * width + padTo4(size))
    head.fill(0, n * width + padTo4(size) + 1, (n + 1) * width)
    noise[n * sphereNoiseWidth(size)] = 0.01 + 0.98 * uniform(n, seed)
  }
  return { head, noise }
}

/** What belongs to one row. */
function rowOf(SIZE: number, head: Float32Array, noise: Float32Array, n: number) {
  const at = n * sphereHeadWidth(SIZE)
  const output = head[at + padTo4(SIZE)]
  return {
    mean: head.subarray(at, at + SIZE),
    output,
    kappa: concentrationOf(output),
    noise: noise.subarray(n * sphereNoiseWidth(SIZE), n * sphereNoiseWidth(SIZE) + SIZE + 1),
  }
}

/** z and the KL divergence of every row */
const forward: Reference = {
  inputs: ({ B, SIZE, DRAW }, seed) => {
    const { head, noise } = inputsOf(B, SIZE, seed)
    return { head, ...(!DRAW && { noise }) }
  },
  expected: (given) => {
    const { constants: { B, SIZE, DRAW }, step, before, after, places } = given
    const row = (n: number) => rowOf(SIZE, before.head, DRAW ? after.noise : before.noise, n)
    const z = places('z').map((index): Expected => {
      const [n, j] = [Math.floor(index / padTo4(SIZE)), index % padTo4(SIZE)]
      const { mean, kappa, noise } = row(n)
      const value = j < SIZE ? sphereForward(mean, kappa, noise)[j] : 0
      return { output: 'z', index, value, bound: j < SIZE ? FUNCTION_BOUND : 0 }
    })
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      return { output: 'losses', index: B + n, value: new Marginal(SIZE, row(n).kappa).kl, bound: FUNCTION_BOUND }
    })
    return [...z, ...losses]
  },
}

/** The gradients of both, from what the forward pass saves. */
const backward: Reference = {
  inputs: ({ SIZE }, seed, bindings) => {
    const rows = bindings.saved.elements / SPHERE_SAVED
    const { head, noise } = inputsOf(rows, SIZE, seed)
    const saved = new Float32Array(rows * SPHERE_SAVED)
    for (let n = 0; n < rows; n++) {
      const row = rowOf(SIZE, head, noise, n)
      const marginal = new Marginal(SIZE, row.kappa)
      const { y, dyByKappa } = marginal.quantile(row.noise[0])
      const length = Math.hypot(...row.mean)
      const along = row.mean.reduce((sum, value, j) => sum + (value / length) * row.noise[j + 1], 0)
      const across = Math.hypot(...row.mean.map((value, j) => row.noise[j + 1] - (along * value) / length))
      const sigmoid = 1 / (1 + Math.exp(-row.output))
      saved.set([Math.tanh(y), 1 / Math.cosh(y), dyByKappa, marginal.klDerivative], n * SPHERE_SAVED)
      saved.set([along, 1 / across, 1 / length, sigmoid], n * SPHERE_SAVED + 4)
    }
    return { head, noise, saved, dz: rowsOf('dz', seed, rows, SIZE) }
  },
  expected: (given) => {
    const { constants: { SIZE }, step, before, places } = given
    const width = sphereHeadWidth(SIZE)
    return places('dhead').map((index): Expected => {
      const [n, j] = [Math.floor(index / width), index % width]
      const isMean = j < SIZE
      if (n >= step.batch || (!isMean && j !== padTo4(SIZE))) return { output: 'dhead', index, value: 0, bound: 0 }
      const { mean, output, kappa, noise } = rowOf(SIZE, before.head, before.noise, n)
      const dz = before.dz.subarray(n * padTo4(SIZE), n * padTo4(SIZE) + SIZE)
      const { dMean, dKappa } = sphereBackward(dz, mean, kappa, noise)
      const slope = dKappa + step.klWeight * step.scale * new Marginal(SIZE, kappa).klDerivative
      const value = isMean ? dMean[j] : slope / (1 + Math.exp(-output))
      return { output: 'dhead', index, value, bound: 5 * FUNCTION_BOUND }
    })
  },
}

function sizesOf({ B, of }: Size) {
  const size = of(5, 3)
  const [width, z, saved] = [B * sphereHeadWidth(size), B * padTo4(size), B * SPHERE_SAVED]
  const noise = B * sphereNoiseWidth(size)
  const t = tensors({ head: width, dhead: width, noise, z, dz: z, saved, losses: ringOf(B), status: 1 })
  return { t, shape: { B, size } }
}

export const vonMisesFisherCases: KernelCase[] = [
  {
    kernel: 'vmf_forward',
    ...forward,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [vmfForward(t, shape, 'drawn'), ...size.of([vmfForward(t, shape, 'given')], [])]
    },
  },
  {
    kernel: 'vmf_backward',
    ...backward,
    dispatches(size) {
      const { t, shape } = sizesOf(size)
      return [vmfBackward(t, shape)]
    },
  },
]
