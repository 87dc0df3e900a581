import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

interface LatentStepShape {
  /** Rows. */
  B: number
  /** Latent size. */
  Z: number
  /** Units of the encoder. */
  E: number
  /** Units of the decoder. */
  D: number
  /** Steps, whose noise lies side by side in a row. */
  steps: number
  /** Which of them, from 0 on. */
  step: number
}

/** How z comes about. */
interface DrawOptions {
  /** In quads, where the heads' bias lies behind their weights. */
  bias: number
  /** Rows of the losses. */
  lossRows: number
  /** z itself is given as noise: no heads, no loss. */
  given?: boolean
  /** The noise is drawn on the GPU, and left for the backward pass. */
  draw?: boolean
  /** The sample's log q(z|x) − log p(z) in place of the KL divergence. */
  sampled?: boolean
}

/**
 * Both heads of one step, z = μ + exp(½ logvar) · ε, and what the decoder's product reads, `[z, h_dec, 1, 1]`. The KL
 * divergence is added to those of the steps before.
 */
export function latentStepForward(
  t: Record<'encoder' | 'decoder' | 'w' | 'noise' | 'head' | 'y' | 'losses' | 'status', PlanTensor>,
  { B, Z, E, D, steps, step }: LatentStepShape,
  { bias, lossRows, given = false, draw = false, sampled = false }: DrawOptions,
): Dispatch {
  const flags = { GIVEN: Number(given), DRAW: Number(draw), SAMPLED: Number(sampled) }
  const constants = { B, LOSS_ROWS: lossRows, STEPS: steps, Z, E, D, BIAS: bias, ...flags }
  const { encoder, decoder, w, noise, head, y, losses, status } = t
  return {
    ...rowLaneTilings('latent_step_forward', constants, B, padTo4(E) / 4),
    params: { STEP: step },
    bindings: { h_enc: encoder, h_dec: decoder, w, noise, head, y, losses, status },
    shape: `B${B} Z${Z} U${E}`,
    flops: 0,
  }
}

/** The gradient of `latentStepForward`: by the heads' output, written over it, and from there by the encoder's state. */
export function latentStepBackward(
  t: Record<'dy' | 'noise' | 'w' | 'head' | 'dh', PlanTensor>,
  { B, Z, E, D, steps, step }: LatentStepShape,
): Dispatch {
  return {
    ...rowLaneTilings('latent_step_backward', { B, STEPS: steps, Z, E, D }, B, padTo4(E) / 4),
    params: { STEP: step },
    bindings: { dy: t.dy, noise: t.noise, w: t.w, head: t.head, dh_enc: t.dh },
    shape: `B${B} Z${Z} U${E}`,
    flops: 0,
  }
}
