/** The activations a layer may have. `leaky-relu` has slope 0.2. */
export type Activation = 'linear' | 'relu' | 'leaky-relu' | 'tanh' | 'sigmoid'

/** By the names a specification gives them. */
export const ACTIVATIONS: readonly Activation[] = ['linear', 'relu', 'leaky-relu', 'tanh', 'sigmoid']

/** The kernels' code for an activation (`shaders/lib/activation.wgsl`): those made of two lines share the first. */
export function activationCode(activation: Activation): number {
  return Math.max(0, ['tanh', 'sigmoid'].indexOf(activation) + 1)
}

/** dy/dv of an activation made of two lines where v < 0; 0 for the others. */
export function activationSlope(activation: Activation): number {
  return { linear: 1, relu: 0, 'leaky-relu': 0.2, tanh: 0, sigmoid: 0 }[activation]
}
