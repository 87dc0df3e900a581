import { padTo4 } from '../../../src/ops/dispatch.js'
import { batchGather } from '../../../src/ops/gather.js'
import { headWidth, reparameterizeBackward, reparameterizeForward } from '../../../src/ops/latent.js'
import { normalPair, threefry2x32 } from '../../../src/random.js'
import { hash, uniform } from '../formula.js'
import * as reference from '../latent.js'
import {
  FUNCTION_BOUND, ringOf, rowsOf, tensors, whole, type Expected, type Given, type KernelCase, type Reference, type Size,
} from './case.js'

/** x[n,i] = images[order[cursor + n], i], bytes / 255, 0 for n ≥ batch */
const batchGatherReference: Reference = {
  inputs: ({ FIRST, COUNT, FLOATS }, seed, { images, order }) => ({
    images: FLOATS
      ? Float32Array.from({ length: images.elements }, (_, i) => uniform(i, seed))
      : Uint32Array.from({ length: images.elements }, (_, i) => hash(i, seed)),
    order: Uint32Array.from({ length: order.elements }, (_, i) => FIRST + (hash(i, seed) % COUNT)),
  }),
  expected: ({ constants: { N, FLOATS }, step, before, places }) => {
    const bytes = new Uint8Array(before.images.buffer)
    const order = new Uint32Array(before.order.buffer)
    const stride = padTo4(N)
    return places('x').map((index) => {
      const [n, i] = [Math.floor(index / stride), index % stride]
      const at = order[n] * stride + i
      const value = n >= step.batch ? 0 : FLOATS ? before.images[at] : bytes[at] / 255
      return { output: 'x', index, value, bound: 1e-7 }
    })
  },
}

const latentInputs = (B: number, Z: number, seed: number) => ({
  head: rowsOf('head', seed, 2 * B, Z),
  noise: rowsOf('noise', seed, B, Z, 2),
  dz: rowsOf('dz', seed, B, Z),
})

/** The mean, log-variance, noise and dz of one value of the latent. */
function latentValue({ constants: { Z } }: Given, tensors: Record<string, Float32Array>, index: number) {
  const stride = padTo4(Z)
  const at = 2 * Math.floor(index / stride) * stride + (index % stride)
  const { head, noise, dz } = tensors
  return { mean: [head[at]], logVariance: [head[at + stride]], noise: [noise[index]], dz: dz ? [dz[index]] : [] }
}

/** z = mean + exp(½ log-variance) · noise; losses[B + n] = KL of row n; with DRAW the noise of the step's stream */
const forward: Reference = {
  inputs: ({ B, Z, DRAW }, seed) => {
    const { head, noise } = latentInputs(B, Z, seed)
    return { head, ...(!DRAW && { noise }) }
  },
  expected: (given) => {
    const { constants: { B, Z, DRAW }, step, before, after, places } = given
    const stride = padTo4(Z)
    const drawn = DRAW ? after.noise : before.noise
    const z = places('z').flatMap((index): Expected[] => {
      const { mean, logVariance, noise } = latentValue(given, { head: before.head, noise: drawn }, index)
      const [value] = reference.reparameterizeForward(mean, logVariance, noise)
      const expected = [{ output: 'z', index, value, bound: FUNCTION_BOUND }]
      if (!DRAW) return expected
      const bits = threefry2x32(...step.seed, index >> 1, step.counter)
      const epsilon = index % stride < Z ? normalPair(...bits)[index & 1] : 0
      return [...expected, { output: 'noise', index, value: epsilon, bound: 1e-3 }]
    })
    const losses = places('losses').filter((n) => n < step.batch).map((n): Expected => {
      const mean = before.head.subarray(2 * n * stride, 2 * n * stride + Z)
      const logVariance = before.head.subarray((2 * n + 1) * stride, (2 * n + 1) * stride + Z)
      return { output: 'losses', index: B + n, value: reference.klForward(mean, logVariance), bound: Z * FUNCTION_BOUND }
    })
    return [...z, ...losses]
  },
}

/**
 * dmean = dz + w · dKL/dmean; dlogvar = dz · ½σ · ε + w · dKL/dlogvar, with w = klWeight / batch, WEIGHTED times the
 * row's weight; 0 for n ≥ batch · HEADS
 */
const backward: Reference = {
  inputs: ({ B, Z, WEIGHTED }, seed, { weights }) => ({
    ...latentInputs(B, Z, seed),
    ...(WEIGHTED && { weights: whole('weights', seed, weights) }),
  }),
  expected: (given) => {
    const { constants: { Z, HEADS, WEIGHTED }, step, before, places } = given
    const stride = padTo4(Z)
    return places('noise').flatMap((index): Expected[] => {
      const n = Math.floor(index / stride)
      const at = 2 * n * stride + (index % stride)
      const { mean, logVariance, noise, dz } = latentValue(given, before, index)
      const path = reference.reparameterizeBackward(dz, logVariance, noise)
      const kl = reference.klBackward(mean, logVariance)
      const live = n < step.batch * HEADS ? 1 : 0
      const weight = step.klWeight * step.scale * (WEIGHTED ? before.weights[n] : 1)
      const value = (a: Float64Array, b: Float64Array) => live * (a[0] + weight * b[0])
      const bound = live * FUNCTION_BOUND
      return [
        { output: 'dhead', index: at, value: value(path.dMean, kl.dMean), bound },
        { output: 'dhead', index: at + stride, value: value(path.dLogVariance, kl.dLogVariance), bound },
      ]
    })
  },
}

function latentSizes({ B, of }: Size) {
  const Z = of(6, 20)
  const [width, noise] = [B * headWidth(Z), B * padTo4(Z)]
  const t = tensors({ head: width, dhead: width, noise, z: noise, dz: noise, losses: ringOf(B), status: 1 })
  return { t, shape: { B, Z } }
}

export const lossCases: KernelCase[] = [
  {
    kernel: 'batch_gather',
    ...batchGatherReference,
    dispatches({ B, of }) {
      const { H, W, C, count } = of({ H: 5, W: 3, C: 1, count: 9 }, { H: 28, W: 28, C: 1, count: 1000 })
      const words = count * padTo4(H * W * C)
      return [false, true].map((floats) => {
        const t = tensors({ images: floats ? words : words / 4, order: B, x: B * padTo4(H * W * C) })
        return batchGather(t, { B, H, W, C, first: 0, count, floats })
      })
    },
  },
  {
    kernel: 'reparameterize_forward',
    ...forward,
    dispatches(size) {
      const { t, shape } = latentSizes(size)
      return [reparameterizeForward(t, shape, true), ...size.of([reparameterizeForward(t, shape, false)], [])]
    },
  },
  {
    kernel: 'reparameterize_backward',
    ...backward,
    dispatches(size) {
      const { t, shape } = latentSizes(size)
      const { weights } = tensors({ weights: size.B })
      const rows = { ...shape, heads: 2 } // more than there are: none is padding
      return [reparameterizeBackward(t, shape), ...size.of([reparameterizeBackward({ ...t, weights }, rows)], [])]
    },
  },
]
