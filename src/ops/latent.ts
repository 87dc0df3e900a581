import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

interface LatentShape {
  /** Rows. */
  B: number
  /** Latent size. */
  Z: number
}

/** Elements of a row of the heads' output: mean, then log-variance, each padded to whole vectors. */
export function headWidth(Z: number): number {
  return 2 * padTo4(Z)
}

/**
 * z = μ + exp(½ logvar) · ε and the KL divergence of every image. With `draw` the noise ε is drawn on the GPU and left in
 * `noise` for the backward pass; otherwise `noise` is read. With `sampled` the sample's log q(z|x) − log p(z) takes the
 * place of its mean, the KL divergence.
 */
export function reparameterizeForward(
  t: { head: PlanTensor; noise: PlanTensor; z: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, Z }: LatentShape,
  draw: boolean,
  sampled = false,
): Dispatch {
  return {
    ...rowLaneTilings('reparameterize_forward', { B, Z, DRAW: Number(draw), SAMPLED: Number(sampled) }, B, padTo4(Z) / 4),
    bindings: { head: t.head, noise: t.noise, z: t.z, losses: t.losses, status: t.status },
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}

/** dmean = dz + klWeight/batch · mean; dlogvar = dz · ε · ½σ + klWeight/batch · ½(σ² − 1). */
export function reparameterizeBackward(
  t: { dz: PlanTensor; head: PlanTensor; noise: PlanTensor; dhead: PlanTensor },
  { B, Z }: LatentShape,
): Dispatch {
  return {
    kernel: 'reparameterize_backward',
    constants: { B, Z },
    bindings: { dz: t.dz, head: t.head, noise: t.noise, dhead: t.dhead },
    grid: [padTo4(Z) / 4, B, 1],
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}
