import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

// A Gaussian latent with full covariance L Lᵀ. L's lower triangle comes row by row as Z(Z+1)/2 outputs of a head, those
// of the diagonal being 2 ln L_jj.

interface CholeskyShape {
  /** Rows: of z forward, images backward. */
  B: number
  /** Latent size. */
  Z: number
  /** Rows per image, 1 unless given. */
  samples?: number
}

/** Values of a lower triangle, the diagonal included. */
export function triangleSize(Z: number): number {
  return (Z * (Z + 1)) / 2
}

/** Elements of a row of the heads' output: mean, then the triangle, each padded to whole vectors. */
export function choleskyHeadWidth(Z: number): number {
  return padTo4(Z) + padTo4(triangleSize(Z))
}

/**
 * z = μ + L ε and the KL divergence ½(‖L‖² + ‖μ‖² − Z) − Σ ln L_jj of every row; `head` is `[B / samples, choleskyHeadWidth]`.
 * With `draw` the noise ε is drawn on the GPU, as `reparameterizeForward` does, and left in `noise` for the backward pass;
 * otherwise `noise` is read. With `sampled` the sample's log q(z|x) − log p(z) takes the place of its mean, the divergence.
 */
export function choleskyForward(
  t: { head: PlanTensor; noise: PlanTensor; z: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, Z, samples = 1 }: CholeskyShape,
  draw: boolean,
  sampled = false,
): Dispatch {
  const constants = { B, SAMPLES: samples, Z, DRAW: Number(draw), SAMPLED: Number(sampled) }
  return {
    ...rowLaneTilings('cholesky_forward', constants, B, Z),
    bindings: { head: t.head, noise: t.noise, z: t.z, losses: t.losses, status: t.status },
    shape: `B${B} Z${Z} full`,
    flops: 0,
  }
}

/**
 * The gradient of the heads' output by z and by klWeight/batch · KL. With `importance` it is that of the importance-weighted
 * bound, summed over the `samples` rows of an image: `weights` are those of its rows, which `dz` holds already.
 */
export function choleskyBackward(
  t: {
    dz: PlanTensor
    head: PlanTensor
    noise: PlanTensor
    importance?: { z: PlanTensor; weights: PlanTensor }
    dhead: PlanTensor
  },
  { B, Z, samples = 1 }: CholeskyShape,
): Dispatch {
  const { dz, head, noise, importance, dhead } = t
  const { z, weights } = importance ?? { z: dz, weights: dz }
  return {
    kernel: 'cholesky_backward',
    constants: { B, SAMPLES: samples, Z, IMPORTANCE: Number(importance !== undefined) },
    bindings: { dz, head, noise, z, weights, dhead },
    grid: [choleskyHeadWidth(Z), B, 1],
    shape: `B${B} Z${Z} full${importance ? ` x${samples}` : ''}`,
    flops: 0,
  }
}
