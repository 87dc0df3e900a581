import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor, type Tiling } from './dispatch.js'

// Points of the unit sphere in `size` dimensions from the von Mises-Fisher distribution (Davidson et al. 2018; with a fixed
// concentration Xu & Durrett 2018). A row of noise is u in (0, 1), then `size` normals.

export interface SphereShape {
  /** Rows: of z forward, images backward. */
  B: number
  /** Dimensions of the space, 3 or more. */
  size: number
  /** Rows per image, 1 unless given. */
  samples?: number
  /** κ; unless given, the heads' last output gives it, κ = 1 + softplus(output). */
  concentration?: number
}

/** Elements of a row of the heads' output: the mean direction and, if it is learned, the concentration's output. */
export function sphereHeadWidth(size: number, concentration?: number): number {
  return padTo4(size) + (concentration === undefined ? 4 : 0)
}

/** Elements of a row of noise. */
export function sphereNoiseWidth(size: number): number {
  return padTo4(size + 1)
}

/** Elements of a row of what `vmfForward` leaves for `vmfBackward`. */
export const SPHERE_SAVED = 8

/**
 * z = ωμ + √(1−ω²) v and the KL divergence from the uniform distribution, κA + ln C + ln area, of every row; `head` is
 * `[B / samples, sphereHeadWidth]`, `noise` `[B, sphereNoiseWidth]`, `z` `[B, P4(size)]`, `saved` `[B, SPHERE_SAVED]`. Noise
 * that is `'drawn'` comes from the GPU and is left in `noise` for the backward pass, `'given'` is read, and with `'mean'` z is
 * μ. With `sampled` the sample's log q(z|x) − log p(z) takes the place of the divergence.
 */
export function vmfForward(
  t: {
    head: PlanTensor
    noise: PlanTensor
    z: PlanTensor
    saved: PlanTensor
    losses: PlanTensor
    status: PlanTensor
  },
  shape: SphereShape,
  noise: 'drawn' | 'given' | 'mean',
  sampled = false,
): Dispatch {
  const { B, size, samples = 1, concentration } = shape
  // Lanes share the panels of the quadrature, and each finds the quantile: on SwiftShader 1.3 ms with 4, 3.4 with 8.
  const tiling = (LANES: number): Tiling => ({
    kernel: 'vmf_forward',
    constants: {
      LANES,
      LEARNED: Number(concentration === undefined),
      DRAW: Number(noise === 'drawn'),
      SAMPLED: Number(sampled),
      MEAN: Number(noise === 'mean'),
    },
    grid: [LANES, B, 1],
  })
  return {
    ...tiling(4),
    tilings: [{ ...tiling(32), variant: '32 lanes' }],
    params: {
      B,
      SAMPLES: samples,
      SIZE: size,
      CONCENTRATION: concentration ?? 0,
      REACH: Math.min(1, DEVIATIONS / (2 * Math.sqrt(size - 1))),
      UNIFORM_MASS: uniformMass(size),
    },
    bindings: { head: t.head, noise: t.noise, z: t.z, saved: t.saved, losses: t.losses, status: t.status },
    shape: describe(shape),
    flops: 0,
  }
}

/**
 * The gradient of the heads' output by z and by klWeight/batch · KL, at fixed noise. With `weights` it is that of the
 * importance-weighted bound, summed over the `samples` rows of an image, whose weights `dz` holds already and whose `saved`
 * a forward pass with `sampled` left.
 */
export function vmfBackward(
  t: {
    dz: PlanTensor
    head: PlanTensor
    noise: PlanTensor
    saved: PlanTensor
    weights?: PlanTensor
    dhead: PlanTensor
  },
  shape: SphereShape,
): Dispatch {
  const { B, size, samples = 1, concentration } = shape
  const constants = { LEARNED: Number(concentration === undefined), IMPORTANCE: Number(t.weights !== undefined) }
  const { dz, head, noise, saved, weights = dz, dhead } = t
  return {
    ...rowLaneTilings('vmf_backward', constants, B, size),
    params: { SAMPLES: samples, SIZE: size },
    bindings: { dz, head, noise, saved, weights, dhead },
    shape: describe(shape),
    flops: 0,
  }
}

/** Deviations that the quadrature's window spans to either side; beyond lies less than 1e-12 of the mass. */
const DEVIATIONS = 7

/** ∫ cosh(y)^(1 − size) dy = √π Γ((size − 1)/2) / Γ(size/2) */
function uniformMass(size: number): number {
  let mass = size % 2 === 0 ? Math.PI : 2
  for (let m = size % 2 === 0 ? 4 : 5; m <= size; m += 2) mass *= (m - 3) / (m - 2)
  return mass
}

function describe({ B, size, samples = 1, concentration }: SphereShape): string {
  return `B${B} Z${size}${samples > 1 ? ` x${samples}` : ''}${concentration === undefined ? '' : ` κ${concentration}`}`
}
