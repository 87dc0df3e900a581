import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

const MOST_INVOCATIONS = 65535 * 64

/** y = (a + b) · act'(x): a residual's sum, and the gradient of its input. Without `x` the sum alone. */
export function residualAdd(
  t: { a: PlanTensor; b: PlanTensor; x?: PlanTensor; y: PlanTensor },
  activationX: Activation,
): Dispatch {
  const COUNT = t.y.elements / 4
  return {
    kernel: 'residual_add',
    constants: { COUNT, ACTIVATION_X: activationCode(activationX), SLOPE_X: activationSlope(activationX) },
    bindings: { a: t.a, b: t.b, x: t.x ?? t.a, y: t.y },
    grid: [Math.min(COUNT, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.y.elements}`,
    flops: 0,
  }
}

/** dx = dy · act'(y) */
export function activationBackward(
  t: { dy: PlanTensor; y: PlanTensor; dx: PlanTensor },
  activation: Activation,
): Dispatch {
  const COUNT = t.y.elements / 4
  return {
    kernel: 'activation_backward',
    constants: { COUNT, ACTIVATION: activationCode(activation), SLOPE: activationSlope(activation) },
    bindings: { dy: t.dy, y: t.y, dx: t.dx },
    grid: [Math.min(COUNT, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.y.elements}`,
    flops: 0,
  }
}

/**
 * The same values in another inner order: `from` and `to` are how many channels lie side by side (1 is PyTorch's order).
 * Its gradient is the permutation back.
 */
export function permuteForward(
  t: { x: PlanTensor; y: PlanTensor },
  { B, N, from, to }: { B: number; N: number; from: number; to: number },
): Dispatch {
  return {
    kernel: 'permute_forward',
    constants: { B, N, C_X: from, C_Y: to },
    bindings: { x: t.x, y: t.y },
    grid: [padTo4(N), B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}
