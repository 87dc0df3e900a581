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
 * z = μ + exp(½ logvar) · ε and the KL divergence of every row; with `samples` every image has so many rows. With `draw` the
 * noise ε is drawn on the GPU and left in `noise` for the backward pass; otherwise `noise` is read. With `sampled` the
 * sample's log q(z|x) − log p(z) takes the place of its mean, the KL divergence.
 */
export function reparameterizeForward(
  t: { head: PlanTensor; noise: PlanTensor; z: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, Z, samples = 1 }: LatentShape & { samples?: number },
  draw: boolean,
  sampled = false,
): Dispatch {
  const constants = { B, SAMPLES: samples, Z, DRAW: Number(draw), SAMPLED: Number(sampled) }
  return {
    ...rowLaneTilings('reparameterize_forward', constants, B, padTo4(Z) / 4),
    bindings: { head: t.head, noise: t.noise, z: t.z, losses: t.losses, status: t.status },
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}

/**
 * dmean = dz + klWeight/batch · mean; dlogvar = dz · ε · ½σ + klWeight/batch · ½(σ² − 1). With `kept`, which
 * `freeBitsLoss` leaves, the KL's share is only that of the dimensions where it is 1.
 */
export function reparameterizeBackward(
  t: { dz: PlanTensor; head: PlanTensor; noise: PlanTensor; kept?: PlanTensor; dhead: PlanTensor },
  { B, Z }: LatentShape,
): Dispatch {
  return {
    kernel: 'reparameterize_backward',
    constants: { B, Z, FREE_BITS: Number(t.kept !== undefined) },
    bindings: { dz: t.dz, head: t.head, noise: t.noise, kept: t.kept ?? t.head, dhead: t.dhead },
    grid: [padTo4(Z) / 4, B, 1],
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}

/**
 * The objective reconstruction + klWeight · Σ_j max(λ, mean over the batch of KL_j) (Kingma et al. 2016) as the third
 * part of every image's losses, after those in `rowLosses`; `kept` gets 1 for the dimensions above λ nats, 0 for others.
 */
export function freeBitsLoss(
  t: { head: PlanTensor; rowLosses: PlanTensor; losses: PlanTensor; kept: PlanTensor },
  { B, Z }: LatentShape,
  freeBits: number,
): Dispatch {
  return {
    kernel: 'free_bits_loss',
    constants: { B, Z, FREE_BITS: freeBits },
    bindings: { head: t.head, row_losses: t.rowLosses, losses: t.losses, kept: t.kept },
    grid: [64, 1, 1],
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}
