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
 * z = μ + exp(½ logvar) · ε and the KL divergence of every row; an image has `heads` rows of mean and log-variance, 1 unless
 * given, each with `samples` rows of z. With `draw` the
 * noise ε is drawn on the GPU and left in `noise` for the backward pass; otherwise `noise` is read. With `sampled` the
 * sample's log q(z|x) − log p(z) takes the place of its mean, the KL divergence.
 */
export function reparameterizeForward(
  t: { head: PlanTensor; noise: PlanTensor; z: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, Z, samples = 1, heads = 1 }: LatentShape & { samples?: number; heads?: number },
  draw: boolean,
  sampled = false,
): Dispatch {
  const constants = { B, SAMPLES: samples, HEADS: heads, Z, DRAW: Number(draw), SAMPLED: Number(sampled) }
  return {
    ...rowLaneTilings('reparameterize_forward', constants, B, padTo4(Z) / 4),
    bindings: { head: t.head, noise: t.noise, z: t.z, losses: t.losses, status: t.status },
    shape: `B${B} Z${Z}`,
    flops: 0,
  }
}

/**
 * dmean = dz + klWeight/batch · mean; dlogvar = dz · ε · ½σ + klWeight/batch · ½(σ² − 1). With `kept`, which
 * `freeBitsLoss` leaves, the KL's share is only that of the dimensions where it is 1; with `weights`, which `dz` has
 * already, it is times the row's. An image has `heads` rows.
 */
export function reparameterizeBackward(
  t: {
    dz: PlanTensor
    head: PlanTensor
    noise: PlanTensor
    kept?: PlanTensor
    weights?: PlanTensor
    dhead: PlanTensor
  },
  { B, Z, heads = 1 }: LatentShape & { heads?: number },
): Dispatch {
  const has = (tensor: PlanTensor | undefined) => Number(tensor !== undefined)
  return {
    kernel: 'reparameterize_backward',
    constants: { B, Z, HEADS: heads, FREE_BITS: has(t.kept), WEIGHTED: has(t.weights) },
    bindings: {
      dz: t.dz,
      head: t.head,
      noise: t.noise,
      kept: t.kept ?? t.head,
      weights: t.weights ?? t.head,
      dhead: t.dhead,
    },
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
