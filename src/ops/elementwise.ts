import { activationCode, activationSlope, anyActivationCode, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

const MOST_INVOCATIONS = 65535 * 64

/** y = act(a + b): a residual's sum. */
export function residualAdd(t: { a: PlanTensor; b: PlanTensor; y: PlanTensor }, activation: Activation): Dispatch {
  return sum(t, { ACTIVATION: activationCode(activation), SLOPE: activationSlope(activation) })
}

/** y = (a + b) · act'(x): what two readers of x send it. */
export function gradientAdd(
  t: { a: PlanTensor; b: PlanTensor; x: PlanTensor; y: PlanTensor },
  activationX: Activation,
): Dispatch {
  return sum(t, { ACTIVATION_X: activationCode(activationX), SLOPE_X: activationSlope(activationX) })
}

function sum(
  t: { a: PlanTensor; b: PlanTensor; x?: PlanTensor; y: PlanTensor },
  constants: Record<string, number>,
): Dispatch {
  const COUNT = t.y.elements / 4
  return {
    kernel: 'residual_add',
    constants: { COUNT, ...constants },
    bindings: { a: t.a, b: t.b, x: t.x ?? t.a, y: t.y },
    grid: [Math.min(COUNT, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.y.elements}`,
    flops: 0,
  }
}

/** y = act(x) of any activation, for B rows of N values; padding lanes are written 0. */
export function activationForward(
  t: { x: PlanTensor; y: PlanTensor },
  { B, N }: { B: number; N: number },
  activation: Activation,
): Dispatch {
  return {
    kernel: 'activation_forward',
    constants: { B, N, ACTIVATION: anyActivationCode(activation), SLOPE: activationSlope(activation) },
    bindings: { x: t.x, y: t.y },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N}`,
    flops: 0,
  }
}

/** dx = dy · act'(y), from the output y of a fused activation; with `add` dx + dy · act'(y). */
export function activationBackward(
  t: { dy: PlanTensor; y: PlanTensor; dx: PlanTensor },
  activation: Activation,
  { add = false }: AddOption = {},
): Dispatch {
  return beforeActivation(t, activationCode(activation), activationSlope(activation), add)
}

/** dx = dy · silu'(x), from SiLU's input x; with `add` dx + dy · silu'(x). */
export function siluBackward(
  { dy, x, dx }: { dy: PlanTensor; x: PlanTensor; dx: PlanTensor },
  { add = false }: AddOption = {},
): Dispatch {
  return beforeActivation({ dy, y: x, dx }, anyActivationCode('silu'), 0, add)
}

/** With `add` dx holds the gradients from other readers, and this one is added to them; unless given it is overwritten. */
interface AddOption {
  add?: boolean
}

function beforeActivation(
  t: { dy: PlanTensor; y: PlanTensor; dx: PlanTensor },
  ACTIVATION: number,
  SLOPE: number,
  add: boolean,
): Dispatch {
  const COUNT = t.dx.elements / 4 // y may have further rows
  return {
    kernel: 'activation_backward',
    constants: { COUNT, ACTIVATION, SLOPE, ADD: Number(add) },
    bindings: { dy: t.dy, y: t.y, dx: t.dx },
    grid: [Math.min(COUNT, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.dx.elements}`,
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
