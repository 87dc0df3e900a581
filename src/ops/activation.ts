/** The activations a layer may have. `leaky-relu` has slope 0.2. */
export type Activation = 'linear' | 'relu' | 'leaky-relu' | 'tanh' | 'sigmoid'

/** In the order of the codes in `shaders/lib/activation.wgsl`. */
export const ACTIVATIONS: readonly Activation[] = ['linear', 'relu', 'leaky-relu', 'tanh', 'sigmoid']

/** The kernels' code for an activation. */
export function activationCode(activation: Activation): number {
  return ACTIVATIONS.indexOf(activation)
}
