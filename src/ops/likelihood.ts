import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'
import { activationForward } from './elementwise.js'

interface ImageShape {
  /** Rows. */
  B: number
  /** Pixels × channels of an image. */
  N: number
  /** Rows per image, 1 unless given: row n is one of image ⌊n / samples⌋. */
  samples?: number
}

/** With `gradient` the logits are overwritten by the loss's gradient, times the derivative of their activation. */
interface LogitTensors {
  logits: PlanTensor
  x: PlanTensor
  losses: PlanTensor
  status: PlanTensor
}

/** Binary cross-entropy of every image from logits, −Σ log p(x|z) in nats; its gradient is (sigmoid(l) − x) / batch. */
export function bceLoss(t: LogitTensors, shape: ImageShape, activation: Activation, gradient: boolean): Dispatch {
  return logitLoss(t, shape, activation, gradient, { isContinuous: false })
}

/**
 * The continuous Bernoulli likelihood of every image from logits (Loaiza-Ganem & Cunningham 2019), normalising constant
 * included: A(l) − l·x with A(l) = log((exp(l) − 1) / l); its gradient is (A'(l) − x) / batch.
 */
export function continuousBernoulliLoss(
  t: LogitTensors,
  shape: ImageShape,
  activation: Activation,
  gradient: boolean,
): Dispatch {
  return logitLoss(t, shape, activation, gradient, { isContinuous: true })
}

/**
 * A Gaussian likelihood, ½ (μ − x)² / v + ½ log(2π v) a pixel, with a fixed variance v or a learned one: `logVariance`
 * is the number log v, or the parameter that holds it. With `gradient` the means are overwritten by theirs; `dlogvRows`
 * gets every image's share of the gradient by log v.
 */
export function gaussianLoss(
  t: { means: PlanTensor; x: PlanTensor; dlogvRows: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, N, samples = 1 }: ImageShape,
  logVariance: number | PlanTensor,
  activation: Activation,
  gradient: boolean,
): Dispatch {
  const learned = typeof logVariance !== 'number'
  const constants = {
    B,
    SAMPLES: samples,
    N,
    ACTIVATION_X: activationCode(activation),
    SLOPE_X: activationSlope(activation),
    GRADIENT: Number(gradient),
    LOG_VARIANCE: learned ? 0 : logVariance,
    LEARNED: Number(learned),
  }
  return {
    ...rowLaneTilings('gaussian_loss', constants, B, padTo4(N) / 4),
    bindings: {
      means: t.means,
      x: t.x,
      log_variance: learned ? logVariance : t.x,
      dlogv_rows: t.dlogvRows,
      losses: t.losses,
      status: t.status,
    },
    shape: `B${B} N${N}`,
    flops: 0,
  }
}

/** What the losses of the rows of an image are read from, and `[images, P4(N)]`, where they go pixel by pixel. */
interface PixelTensors {
  x: PlanTensor
  /** The weight of every row; 1 unless given. */
  weights?: PlanTensor
  pixels: PlanTensor
}

/** Rows are images here, each with `samples` rows of the decoder. */
type PixelShape = ImageShape & { samples: number }

/** The reconstruction loss of every pixel, summed over an image's rows and draws, of either Bernoulli likelihood. */
export function bcePixels(
  t: PixelTensors & { logits: PlanTensor },
  { B, N, samples }: PixelShape,
  { isContinuous }: { isContinuous: boolean },
): Dispatch {
  const { logits, x, pixels, weights } = t
  const kind = { CONTINUOUS: Number(isContinuous), WEIGHTED: Number(weights !== undefined) }
  return {
    kernel: 'bce_pixels',
    constants: { B, SAMPLES: samples, N, ...kind },
    bindings: { logits, weights: weights ?? x, x, pixels },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N} x${samples}`,
    flops: 0,
  }
}

/** The same of a Gaussian likelihood; `logVariance` as for `gaussianLoss`. */
export function gaussianPixels(
  t: PixelTensors & { means: PlanTensor },
  { B, N, samples }: PixelShape,
  logVariance: number | PlanTensor,
): Dispatch {
  const { means, x, pixels, weights } = t
  const learned = typeof logVariance !== 'number'
  const variance = { LOG_VARIANCE: learned ? 0 : logVariance, LEARNED: Number(learned) }
  return {
    kernel: 'gaussian_pixels',
    constants: { B, SAMPLES: samples, N, ...variance, WEIGHTED: Number(weights !== undefined) },
    bindings: { means, weights: weights ?? x, x, log_variance: learned ? logVariance : x, pixels },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N} x${samples}`,
    flops: 0,
  }
}

/** y[0] = Σ_n x[n], or Σ_n weights[n] · x[n], in a fixed order; with `accumulate` the sum is added to y[0]. */
export function rowReduce(
  t: { x: PlanTensor; weights?: PlanTensor; y: PlanTensor },
  { B }: { B: number },
  { accumulate = false }: { accumulate?: boolean } = {},
): Dispatch {
  return {
    kernel: 'row_reduce',
    constants: { B, WEIGHTED: Number(t.weights !== undefined), ACCUMULATE: Number(accumulate) },
    bindings: { x: t.x, weights: t.weights ?? t.x, y: t.y },
    grid: [64, 1, 1],
    shape: `B${B}`,
    flops: 0,
  }
}

/** The image that Bernoulli logits stand for: y = sigmoid(x). */
export function sigmoidForward(t: { x: PlanTensor; y: PlanTensor }, shape: ImageShape): Dispatch {
  return activationForward(t, shape, 'sigmoid')
}

/** The mean image of continuous Bernoulli logits: y = 1 / (1 − exp(−x)) − 1 / x. */
export function continuousBernoulliMean(t: { x: PlanTensor; y: PlanTensor }, { B, N }: ImageShape): Dispatch {
  return {
    kernel: 'continuous_bernoulli_mean',
    constants: { B, N },
    bindings: { x: t.x, y: t.y },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}

function logitLoss(
  t: LogitTensors,
  { B, N, samples = 1 }: ImageShape,
  activation: Activation,
  gradient: boolean,
  { isContinuous }: { isContinuous: boolean },
): Dispatch {
  const constants = {
    B,
    SAMPLES: samples,
    N,
    ACTIVATION_X: activationCode(activation),
    SLOPE_X: activationSlope(activation),
    GRADIENT: Number(gradient),
    CONTINUOUS: Number(isContinuous),
  }
  return {
    ...rowLaneTilings('bce_loss', constants, B, padTo4(N) / 4),
    bindings: { logits: t.logits, x: t.x, losses: t.losses, status: t.status },
    shape: `B${B} N${N}${isContinuous ? ' continuous' : ''}`,
    flops: 0,
  }
}
