import { KernelError } from '../errors.js'

/** The activations a layer may have. `leaky-relu` has slope 0.2, `elu` alpha 1; `silu` is v · sigmoid(v). */
export type Activation = 'linear' | 'relu' | 'leaky-relu' | 'tanh' | 'sigmoid' | 'softplus' | 'elu' | 'silu'

/** By the names a specification gives them. */
export const ACTIVATIONS: readonly Activation[] = [
  'linear', 'relu', 'leaky-relu', 'tanh', 'sigmoid', 'softplus', 'elu', 'silu',
]

/** Those whose derivative their output gives, so that the kernels beside them take both along; SiLU's does not. */
export const FUSED_ACTIVATIONS: readonly Activation[] = ACTIVATIONS.filter((activation) => activation !== 'silu')

/**
 * The code of a fused activation in the kernels (`shaders/lib/activation.wgsl`): the piecewise linear ones share the first.
 * @throws KernelError for `silu`, which has a dispatch of its own: `activationForward` and `siluBackward`
 */
export function activationCode(activation: Activation): number {
  if (activation !== 'silu') return anyActivationCode(activation)
  throw new KernelError('silu cannot be fused into a kernel: its derivative needs its input (activationForward, siluBackward)')
}

/** The code of any activation, for `activation_forward` and `activation_backward`. */
export function anyActivationCode(activation: Activation): number {
  return Math.max(0, ['tanh', 'sigmoid', 'softplus', 'elu', 'silu'].indexOf(activation) + 1)
}

/** dy/dv of a piecewise linear activation where v < 0; 0 for the others. */
export function activationSlope(activation: Activation): number {
  return activation === 'linear' ? 1 : activation === 'leaky-relu' ? 0.2 : 0
}
