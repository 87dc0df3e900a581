import { activationCode, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

interface ImageShape {
  /** Rows. */
  B: number
  /** Pixels × channels of an image. */
  N: number
}

/**
 * Binary cross-entropy of every image from logits, −Σ log p(x|z) in nats. With `gradient` the logits are overwritten by the
 * loss's gradient (sigmoid(l) − x) / batch, times the derivative of the activation that made them.
 */
export function bceLoss(
  t: { logits: PlanTensor; x: PlanTensor; losses: PlanTensor; status: PlanTensor },
  { B, N }: ImageShape,
  activation: Activation,
  gradient: boolean,
): Dispatch {
  return {
    kernel: 'bce_loss',
    constants: { B, N, ACTIVATION_X: activationCode(activation), GRADIENT: Number(gradient) },
    bindings: { logits: t.logits, x: t.x, losses: t.losses, status: t.status },
    grid: [64, B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}

/** The image that logits stand for: y = sigmoid(x). */
export function sigmoidForward(t: { x: PlanTensor; y: PlanTensor }, { B, N }: ImageShape): Dispatch {
  return {
    kernel: 'sigmoid_forward',
    constants: { B, N },
    bindings: { x: t.x, y: t.y },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}
