import type { BatchNormSpec, ConvSpec, ConvTransposeSpec, ResidualSpec, VaeSpec } from './spec.js'

/**
 * Specifications of the systems people come from, deeply frozen; `structuredClone(presets.mlp)` can be changed.
 * Images are 28 × 28 × 1, those of `vectorQuantized` and `vaeGan` 32 × 32 × 3.
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

  /**
   * 1,205,779 parameters: 32 × 32 images as 8 × 8 codes out of 512, of 16 values each (van den Oord et al. 2017).
   * 128 channels wide, so that it trains in a browser; the paper has 256, others 512. The variance is about that of the
   * pixels of CIFAR-10, by which the paper's authors divide the squared error too.
   */
  vectorQuantized: {
    input: [32, 32, 3],
    encoder: [
      { type: 'conv', filters: 128, kernel: 4, stride: 2, padding: 1 },
      { type: 'conv', filters: 128, kernel: 4, stride: 2, padding: 1, activation: 'relu' },
      residualBlock(128),
      residualBlock(128),
    ],
    latent: { type: 'vector-quantized', codes: 512, size: 16, commitment: 0.25 },
    decoder: [
      { type: 'conv', filters: 128, kernel: 1 },
      residualBlock(128),
      residualBlock(128),
      { type: 'conv-transpose', filters: 128, kernel: 4, stride: 2, padding: 1, activation: 'relu' },
      { type: 'conv-transpose', filters: 3, kernel: 4, stride: 2, padding: 1 },
    ],
    likelihood: { type: 'gaussian', variance: 0.06 },
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

  /**
   * 2,344,260 parameters: 32 × 32 images, compared by what the third of the discriminator's four convolutions makes of
   * them (Larsen et al. 2016, whose images of 64 × 64 have twice the channels).
   */
  vaeGan: {
    input: [32, 32, 3],
    encoder: [...halved(32, 'relu'), ...halved(64, 'relu'), ...halved(128, 'relu')],
    latent: { type: 'gaussian', size: 128 },
    decoder: [
      { type: 'dense', units: 4096 },
      { type: 'reshape', shape: [4, 4, 256] },
      { type: 'batch-norm', activation: 'relu' },
      ...doubled(128),
      ...doubled(64),
      { type: 'conv-transpose', filters: 3, kernel: 4, stride: 2, padding: 1 },
    ],
    likelihood: { type: 'bernoulli' },
    discriminator: {
      layers: [
        { type: 'conv', filters: 32, kernel: 4, stride: 2, padding: 1, activation: 'leaky-relu' },
        ...halved(64, 'leaky-relu'),
        ...halved(128, 'leaky-relu'),
        { type: 'conv', filters: 256, kernel: 3 },
        { type: 'batch-norm', activation: 'leaky-relu' },
        { type: 'dense', units: 1 },
      ],
      similarity: 4,
      weight: 0.01,
    },
  },

  /** 469,396 parameters: 784-256-128 → the sphere in 3 dimensions → 128-256-784 (Davidson et al. 2018). */
  sphere: {
    input: [28, 28, 1],
    encoder: [
      { type: 'dense', units: 256, activation: 'relu' },
      { type: 'dense', units: 128, activation: 'relu' },
    ],
    latent: { type: 'von-mises-fisher', size: 3 },
    decoder: [
      { type: 'dense', units: 128, activation: 'relu' },
      { type: 'dense', units: 256, activation: 'relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
  },

  /**
   * 1,268,394 parameters: labels of ten classes of which few need be known (M2, Kingma et al. 2014). A classifier
   * 784-500-10 beside 794-500 → z 50 → 60-500-784.
   */
  semiSupervised: {
    input: [28, 28, 1],
    encoder: [{ type: 'dense', units: 500, activation: 'softplus' }],
    latent: { type: 'gaussian', size: 50 },
    decoder: [
      { type: 'dense', units: 500, activation: 'softplus' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
    classes: 10,
    classifier: [
      { type: 'dense', units: 500, activation: 'softplus' },
      { type: 'dense', units: 10 },
    ],
  },

  /** 823,095 parameters: drawn in ten steps, read through 2 × 2 filters, written through 5 × 5 (Gregor et al. 2015). */
  draw: {
    input: [28, 28, 1],
    encoder: [{ type: 'lstm', units: 256 }],
    latent: { type: 'gaussian', size: 10 },
    decoder: [{ type: 'lstm', units: 256 }],
    likelihood: { type: 'bernoulli' },
    recurrent: { steps: 10, attention: { read: 2, write: 5 } },
  },
} satisfies Record<string, VaeSpec> as Record<PresetName, VaeSpec>)

type PresetName =
  | 'mlp' | 'mlpDeep' | 'conv' | 'conditional' | 'vectorQuantized' | 'autoencoder' | 'sphere' | 'semiSupervised' | 'draw'
  | 'vaeGan'

/** Half the height and width, normalised. */
function halved(filters: number, activation: 'relu' | 'leaky-relu'): [ConvSpec, BatchNormSpec] {
  return [
    { type: 'conv', filters, kernel: 4, stride: 2, padding: 1 },
    { type: 'batch-norm', activation },
  ]
}

/** Twice the height and width, normalised. */
function doubled(filters: number): [ConvTransposeSpec, BatchNormSpec] {
  return [
    { type: 'conv-transpose', filters, kernel: 4, stride: 2, padding: 1 },
    { type: 'batch-norm', activation: 'relu' },
  ]
}

function residualBlock(filters: number): ResidualSpec {
  return {
    type: 'residual',
    layers: [
      { type: 'conv', filters, kernel: 3, activation: 'relu' },
      { type: 'conv', filters, kernel: 1 },
    ],
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) deepFreeze(item)
  return Object.freeze(value)
}
