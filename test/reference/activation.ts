import type { Activation } from '../../src/ops/activation.js'

type Values = ArrayLike<number>

const LEAKY_SLOPE = 0.2

/** y = act(v) */
export function activationForward(v: Values, activation: Activation): Float64Array {
  return Float64Array.from(v, FORWARD[activation])
}

/** dv = dy · act′, the derivative taken from the output y, or for `silu` from the input. */
export function activationBackward(y: Values, dy: Values, activation: Activation): Float64Array {
  return Float64Array.from(dy, (d, i) => d * DERIVATIVE[activation](y[i]))
}

export function sigmoid(v: number): number {
  return 1 / (1 + Math.exp(-v))
}

const FORWARD: Record<Activation, (v: number) => number> = {
  linear: (v) => v,
  relu: (v) => (v > 0 ? v : 0),
  'leaky-relu': (v) => (v > 0 ? v : LEAKY_SLOPE * v),
  tanh: (v) => Math.tanh(v),
  sigmoid,
  softplus: (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  elu: (v) => (v > 0 ? v : Math.expm1(v)),
  silu: (v) => v * sigmoid(v),
}

/** By the output y; of `silu` by the input. */
const DERIVATIVE: Record<Activation, (y: number) => number> = {
  linear: () => 1,
  relu: (y) => (y > 0 ? 1 : 0),
  'leaky-relu': (y) => (y > 0 ? 1 : LEAKY_SLOPE),
  tanh: (y) => 1 - y * y,
  sigmoid: (y) => y * (1 - y),
  softplus: (y) => -Math.expm1(-y),
  elu: (y) => (y > 0 ? 1 : y + 1),
  silu: (v) => sigmoid(v) * (1 + v * sigmoid(-v)),
}
