import type { VaeSpec } from './spec.js'

/**
 * Specifications of the systems people come from, deeply frozen; `structuredClone(presets.mlp)` can be changed.
 * Images are 28 × 28 × 1.
 */
export const presets = deepFreeze({
  /** 404,244 parameters: 784-256 → z 2 → 256-784. */
  mlp: {
    input: [28, 28, 1],
    encoder: [{ type: 'dense', units: 256, activation: 'relu' }],
    latent: { type: 'gaussian', size: 2 },
    decoder: [
      { type: 'dense', units: 256, activation: 'relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
  },

  /** 1,189,984 parameters: 784-400-400 → z 200 → 400-400-784. */
  mlpDeep: {
    input: [28, 28, 1],
    encoder: [
      { type: 'dense', units: 400, activation: 'leaky-relu' },
      { type: 'dense', units: 400, activation: 'leaky-relu' },
    ],
    latent: { type: 'gaussian', size: 200 },
    decoder: [
      { type: 'dense', units: 400, activation: 'leaky-relu' },
      { type: 'dense', units: 400, activation: 'leaky-relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
  },

  /** 550,629 parameters: four convolutions and a dense layer → z 2 → a dense layer and two convolutions. */
  conv: {
    input: [28, 28, 1],
    encoder: [
      { type: 'conv', filters: 32, kernel: 3, activation: 'relu' },
      { type: 'conv', filters: 64, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'conv', filters: 64, kernel: 3, activation: 'relu' },
      { type: 'conv', filters: 64, kernel: 3, activation: 'relu' },
      { type: 'flatten' },
      { type: 'dense', units: 32, activation: 'relu' },
    ],
    latent: { type: 'gaussian', size: 2 },
    decoder: [
      { type: 'dense', units: 12544, activation: 'relu' },
      { type: 'reshape', shape: [14, 14, 64] },
      { type: 'conv-transpose', filters: 32, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'conv', filters: 1, kernel: 3 },
    ],
    likelihood: { type: 'bernoulli' },
  },

  /** 660,824 parameters, with the label of one of ten classes: 794-400 → z 20 → 30-400-784. */
  conditional: {
    input: [28, 28, 1],
    encoder: [{ type: 'dense', units: 400, activation: 'relu' }],
    latent: { type: 'gaussian', size: 20 },
    decoder: [
      { type: 'dense', units: 400, activation: 'relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
    classes: 10,
  },

  /** 209,968 parameters: 784-128 → a plain code of 32 → 128-784. */
  autoencoder: {
    input: [28, 28, 1],
    encoder: [{ type: 'dense', units: 128, activation: 'relu' }],
    latent: { type: 'deterministic', size: 32 },
    decoder: [
      { type: 'dense', units: 128, activation: 'relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
  },
} satisfies Record<string, VaeSpec> as Record<'mlp' | 'mlpDeep' | 'conv' | 'conditional' | 'autoencoder', VaeSpec>)

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) deepFreeze(item)
  return Object.freeze(value)
}
