import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

/**
 * The loss of every image whose label may be unknown (Kingma et al. 2014), from the classifier's logits and the losses
 * of its rows, one a class: the images' losses `[slots, 6, B]`, the rows' `weights`, with `gradient` the gradient of the
 * logits, and `dy`, the gradient of every row's reconstruction, times those weights.
 */
export function classLoss(
  t: Record<'logits' | 'labels' | 'rowLosses' | 'losses' | 'weights' | 'dy' | 'dlogits' | 'status', PlanTensor>,
  { B, K, N }: { B: number; K: number; N: number },
  { classifierWeight, gradient }: { classifierWeight: number; gradient: boolean },
): Dispatch {
  const constants = { B, K, N, CLASSIFIER_WEIGHT: classifierWeight, GRADIENT: Number(gradient) }
  const { logits, labels, losses, weights, dy, dlogits, status } = t
  return {
    ...rowLaneTilings('class_loss', constants, B, padTo4(N) / 4),
    bindings: { logits, labels, row_losses: t.rowLosses, losses, weights, dy, dlogits, status },
    shape: `B${B} K${K} N${N}`,
    flops: 0,
  }
}

/** y[n,k] = exp(x[n,k]) / Σ_j exp(x[n,j]) */
export function softmaxForward(
  { x, y }: { x: PlanTensor; y: PlanTensor },
  { B, K }: { B: number; K: number },
): Dispatch {
  return {
    kernel: 'softmax_forward',
    constants: { B, K },
    bindings: { x, y },
    grid: [B, 1, 1],
    shape: `B${B} K${K}`,
    flops: 0,
  }
}

/** Rows before the classes, classes, inputs before the class, outputs. */
interface ClassShape {
  B: number
  K: number
  C: number
  O: number
}

/** y[n·K+k] = act(x[n] + the column of class k): a dense layer for every class; x is what its other inputs come to. */
export function classForward(
  { x, w, y }: { x: PlanTensor; w: PlanTensor; y: PlanTensor },
  { B, K, C, O }: ClassShape,
  activation: Activation,
): Dispatch {
  const activated = { ACTIVATION: activationCode(activation), SLOPE: activationSlope(activation) }
  return {
    kernel: 'class_forward',
    constants: { B, K, C, O, ...activated },
    bindings: { x, w, y },
    grid: [padTo4(O) / 4, B * K, 1],
    shape: `B${B} K${K} O${O}`,
    flops: 0,
  }
}

/** dx[n] = Σ_k dy[n·K+k] */
export function classBackwardInput(
  { dy, dx }: { dy: PlanTensor; dx: PlanTensor },
  { B, K, O }: Omit<ClassShape, 'C'>,
): Dispatch {
  return {
    kernel: 'class_backward_input',
    constants: { B, K, O },
    bindings: { dy, dx },
    grid: [padTo4(O) / 4, B, 1],
    shape: `B${B} K${K} O${O}`,
    flops: 0,
  }
}

/** The classes' columns of dw += Σ_n dy[n·K+k]; the dense layer's own gradient, which leaves 0 there, goes before. */
export function classBackwardWeight(
  { dy, dw }: { dy: PlanTensor; dw: PlanTensor },
  { K, C, O, B }: ClassShape,
): Dispatch {
  return {
    kernel: 'class_backward_weight',
    constants: { K, C, O },
    bindings: { dy, dw },
    grid: [O, K, 1],
    shape: `B${B} K${K} O${O}`,
    flops: 0,
  }
}
