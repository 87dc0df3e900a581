import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

// A discriminator judges three batches in one pass, one behind the other: images decoded from z (x̃), images decoded
// from draws of the prior (x_p), and the data's (x).

/** What a decoder's output stands for: itself, or the mean of a distribution with that logit. */
export type PixelMean = 'output' | 'sigmoid' | 'continuous-bernoulli'

const MEANS = { output: 0, sigmoid: 1, 'continuous-bernoulli': 2 } as const

/** How far discriminator and decoder may be apart before one of them waits. */
export interface Balance {
  /** About the loss of a discriminator that cannot tell, which is ln 2; 0.68 unless given. */
  equilibrium?: number
  /** 0.35 unless given. */
  margin?: number
}

/** Elements of `adversarialBalance`'s result, and where the discriminator's word lies. */
export const HELD_WORDS = 128
export const HELD_DISCRIMINATOR = 64

interface ImageShape {
  /** Rows of a batch. */
  B: number
  /** Pixels × channels of an image. */
  N: number
}

type AdversarialTensor = 'features' | 'logits' | 'losses' | 'dfeatures' | 'dlogits' | 'status'

/**
 * y = [z; p] (2·B, P4(Z)): behind the draws of the posterior those of the prior, N(0, 1) or uniform on the unit sphere.
 * Without `prior` they are drawn on the GPU, else p is that.
 */
export function priorForward(
  t: { z: PlanTensor; prior?: PlanTensor; y: PlanTensor },
  { B, Z, sphere = false }: { B: number; Z: number; sphere?: boolean },
): Dispatch {
  const constants = { B, Z, DRAW: Number(t.prior === undefined), SPHERE: Number(sphere) }
  return {
    ...rowLaneTilings('prior_forward', constants, 2 * B, padTo4(Z) / 4),
    bindings: { z: t.z, prior: t.prior ?? t.z, y: t.y },
    shape: `B${2 * B} Z${Z}`,
    flops: 0,
  }
}

/** s = [mean(y); x]: the images (2·B, P4(N)) that outputs y stand for, then those of the data. */
export function imageStack(
  t: { y: PlanTensor; x: PlanTensor; s: PlanTensor },
  { B, N }: ImageShape,
  mean: PixelMean,
): Dispatch {
  return {
    kernel: 'image_stack',
    constants: { B, N, MEAN: MEANS[mean] },
    bindings: { y: t.y, x: t.x, s: t.s },
    grid: [padTo4(N) / 4, 3 * B, 1],
    shape: `B${3 * B} N${N} ${mean}`,
    flops: 0,
  }
}

/**
 * Every image's losses from what a layer of the discriminator makes of x̃, x_p and x, `features` (3·B, P4(F)), and from
 * its `logits` (3·B, 4): ½‖f(x̃) − f(x)‖², the latent's loss out of `rowLosses` (0 without), softplus(−D(x)) +
 * softplus(D(x̃)) + softplus(D(x_p)), and the probabilities sigmoid(D) of x, x̃ and x_p. With `gradient` also those of the
 * first by f(x̃), before its activation, and of the third by the logits, both over the batch's mean.
 */
export function adversarialLoss(
  t: Record<AdversarialTensor, PlanTensor> & { rowLosses?: PlanTensor },
  { B, F }: { B: number; F: number },
  activation: Activation,
  gradient: boolean,
): Dispatch {
  const constants = {
    B,
    F,
    ACTIVATION_X: activationCode(activation),
    SLOPE_X: activationSlope(activation),
    LATENT: Number(t.rowLosses !== undefined),
    GRADIENT: Number(gradient),
  }
  return {
    ...rowLaneTilings('adversarial_loss', constants, B, padTo4(F) / 4),
    bindings: {
      features: t.features,
      logits: t.logits,
      row_losses: t.rowLosses ?? t.features,
      losses: t.losses,
      dfeatures: t.dfeatures,
      dlogits: t.dlogits,
      status: t.status,
    },
    shape: `B${B} F${F}`,
    flops: 0,
  }
}

/**
 * The gradients by the decoder's output y (2·B, P4(N)), before its activation: `ddecoder` (2·B) of weight ·
 * reconstruction − adversarial, `dencoder` (B) of the reconstruction, from theirs by the images.
 */
export function adversarialBackward(
  t: Record<'y' | 'dsSimilarity' | 'dsAdversarial' | 'ddecoder' | 'dencoder', PlanTensor>,
  { B, N }: ImageShape,
  { mean, weight, activation }: { mean: PixelMean; weight: number; activation: Activation },
): Dispatch {
  const ofOutput = { ACTIVATION_X: activationCode(activation), SLOPE_X: activationSlope(activation) }
  return {
    kernel: 'adversarial_backward',
    constants: { B, N, MEAN: MEANS[mean], WEIGHT: weight, ...ofOutput },
    bindings: {
      y: t.y,
      ds_similarity: t.dsSimilarity,
      ds_adversarial: t.dsAdversarial,
      ddecoder: t.ddecoder,
      dencoder: t.dencoder,
    },
    grid: [padTo4(N) / 4, 2 * B, 1],
    shape: `B${2 * B} N${N} ${mean}`,
    flops: 0,
  }
}

/**
 * Whether decoder or discriminator skips this update, from the batch's mean softplus(−D) of the data and softplus(D) of
 * what is decoded: `held` has a word of each, which an update takes in place of `status`.
 */
export function adversarialBalance(
  t: { logits: PlanTensor; status: PlanTensor; held: PlanTensor },
  { B }: { B: number },
  { equilibrium = 0.68, margin = 0.35 }: Balance,
): Dispatch {
  const constants = { B, LEAST: equilibrium - margin, MOST: equilibrium + margin }
  return {
    ...rowLaneTilings('adversarial_balance', constants, 1, B),
    bindings: { logits: t.logits, status: t.status, held: t.held },
    shape: `B${B}`,
    flops: 0,
  }
}
