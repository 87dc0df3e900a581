import { adam, presets, recipes, type LatentSpec } from '../../src/index.js'
import { conv, draw, mlp, mlpDeep } from './preset-rows.js'
import { PYTORCH, PYTORCH_ONCE, type Published, type Reproduction } from './reproduction.js'

const MNIST_TRAINING_IMAGES = 60_000

/** 784-400 → z 20 → 400-784. */
const pytorchExample: Reproduction = {
  source: "PyTorch's examples/vae",
  spec: {
    input: [28, 28, 1],
    encoder: [{ type: 'dense', units: 400, activation: 'relu' }],
    latent: { type: 'gaussian', size: 20 },
    decoder: [
      { type: 'dense', units: 400, activation: 'relu' },
      { type: 'dense', units: 784 },
    ],
    likelihood: { type: 'bernoulli' },
  },
  parameterCount: 652_824,
  optimizer: adam({ learningRate: 1e-3 }),
  batchSize: 128,
  klWeight: 1,
  importanceSamples: 1,
  initialization: 'pytorch',
  reportEvery: 10,
  full: {
    epochs: 7,
    softwareMinutes: 36,
    published: [
      { source: 'log in pytorch/examples, pull request 1416', quantity: 'test', epoch: 7, klWeight: 1, values: [106.66] },
      { source: 'the same log', quantity: 'training', epoch: 7, klWeight: 1, values: [107.63] },
    ],
  },
}

/** The network with a plane for a latent that Keras documents. */
const kerasConv: Reproduction = {
  source: "Keras's documentation, example Variational AutoEncoder",
  note:
    "Keras prints the mean of the loss over the epoch's training images while the model changes; it trains on MNIST's " +
    'training and test images together, so that the test images here are not unseen.',
  spec: {
    input: [28, 28, 1],
    encoder: [
      { type: 'conv', filters: 32, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'conv', filters: 64, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'flatten' },
      { type: 'dense', units: 16, activation: 'relu' },
    ],
    latent: { type: 'gaussian', size: 2 },
    decoder: [
      { type: 'dense', units: 7 * 7 * 64, activation: 'relu' },
      { type: 'reshape', shape: [7, 7, 64] },
      { type: 'conv-transpose', filters: 64, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'conv-transpose', filters: 32, kernel: 3, stride: 2, activation: 'relu' },
      { type: 'conv-transpose', filters: 1, kernel: 3 },
    ],
    likelihood: { type: 'bernoulli' },
  },
  parameterCount: 69_076 + 65_089,
  optimizer: adam({ learningRate: 1e-3, epsilon: 1e-7 }),
  batchSize: 128,
  klWeight: 1,
  importanceSamples: 1,
  trainsOnAll: true,
  reportEvery: 10,
  full: { epochs: 30, published: kerasEpochs({ 1: 253.7, 5: 157.8, 10: 152.2, 30: 146.95 }) },
  short: { epochs: 5, published: kerasEpochs({ 1: 253.7, 5: 157.8 }) },
}

function kerasEpochs(losses: Record<number, number>): Published[] {
  return Object.entries(losses).map(([epoch, loss]) => ({
    source: `the log there, epoch ${epoch}`,
    quantity: 'training',
    epoch: Number(epoch),
    klWeight: 1,
    values: [loss],
  }))
}

/** The preset `mlp` with a KL term that somebody weighed by a tenth. */
const kerasMlp: Reproduction = {
  source: "A course's Keras notebook after Keras's example variational_autoencoder, 784-256 → z 2",
  note:
    'Its loss has 0.05 Σ(…) where 0.5 Σ(…) is the KL term: reconstruction + 0.1 · KL, no −ELBO. Its log opens at 155.7 in ' +
    '"epoch 1": it went on with a trained model. Ours: five epochs from scratch, then the same five again.',
  spec: structuredClone(presets.mlp),
  parameterCount: 404_244,
  optimizer: recipes.mlp.optimizer,
  batchSize: 100,
  klWeight: 0.1,
  importanceSamples: 1,
  reportEvery: 10,
  full: {
    epochs: 10,
    softwareMinutes: 30,
    published: [
      { source: '"epoch 1" of its log', quantity: 'training', epoch: 6, klWeight: 0.1, values: [155.7] },
      { source: '"epoch 5" of its log, validation', quantity: 'test', epoch: 10, klWeight: 0.1, values: [153.53] },
    ],
  },
}

/** 794-400 → z 20 → 30-400-784, with labels. */
const conditional: Reproduction = {
  source: 'The preset conditional, a conditional VAE (Sohn, Lee & Yan 2015)',
  spec: structuredClone(presets.conditional),
  parameterCount: 660_824,
  ...recipes.conditional,
  klWeight: 1,
  importanceSamples: 1,
  reportEvery: 10,
  full: {
    epochs: 5,
    softwareMinutes: 23,
    published: [
      {
        source: 'PyTorch 1.13, three seeds; bench/reproduce/pytorch.py gives 103.51 with seed 1',
        quantity: 'test',
        epoch: 5,
        klWeight: 1,
        values: [103.7, 103.8, 103.4],
      },
    ],
  },
}

/** How many samples Burda et al. trained on, with what they reached, and PyTorch after an epoch. */
const iwaeFigures: Record<number, { paper: number; pytorch?: PytorchFigures }> = {
  1: { paper: 86.76, pytorch: { negativeElbo: [136.69, 135.0, 132.69], bound: [130.69, 129.35, 127.33] } },
  5: { paper: 85.54 },
  50: { paper: 84.78 },
}

interface PytorchFigures {
  negativeElbo: readonly number[]
  bound: readonly number[]
}

/** The values that `--k` may have. */
export const iwaeSamples = Object.keys(iwaeFigures).map(Number)

/** Steps at which the learning rate of Burda et al. falls: the i-th stage has 3^i epochs. */
function iwaeMilestones(batchSize: number): number[] {
  const stages = [0, 1, 2, 3, 4, 5, 6]
  return stages.map((i) => ((3 ** (i + 1) - 1) / 2) * (MNIST_TRAINING_IMAGES / batchSize))
}

/** One stochastic layer, 784-200-200 → z 50 → 200-200-784, trained on `k` samples. */
function iwae(k: number): Reproduction {
  const batchSize = 20
  const { paper, pytorch } = iwaeFigures[k]
  const layer = { type: 'dense', units: 200, activation: 'tanh' } as const
  return {
    source: 'Burda, Grosse & Salakhutdinov 2016, Importance Weighted Autoencoders, table 1, one stochastic layer',
    note: 'Pixels are drawn black or white anew every step; those of the test images once. Two honest re-implementations are up to half a nat apart.',
    spec: {
      input: [28, 28, 1],
      encoder: [layer, layer],
      latent: { type: 'gaussian', size: 50 },
      decoder: [layer, layer, { type: 'dense', units: 784 }],
      likelihood: { type: 'bernoulli' },
    },
    parameterCount: 425_284,
    optimizer: adam({
      learningRate: { type: 'multi-step', value: 1e-3, factor: 10 ** (-1 / 7), milestones: iwaeMilestones(batchSize) },
      epsilon: 1e-4,
    }),
    batchSize,
    klWeight: 1,
    importanceSamples: k,
    binarize: 'sample',
    reportEvery: 100,
    full: {
      epochs: 3280,
      testSamples: 5000,
      published: [{ source: `there, k = ${k}`, quantity: 'bound', klWeight: 1, values: [paper] }],
    },
    short: pytorch && {
      epochs: 1,
      testSamples: 100,
      published: [
        { source: PYTORCH, quantity: 'test', epoch: 1, klWeight: 1, values: pytorch.negativeElbo },
        { source: 'the same', quantity: 'bound', klWeight: 1, values: pytorch.bound },
      ],
    },
  }
}

/** 784-256-128 → a latent → 128-256-784, on pixels that are drawn anew every step (Davidson et al. 2018, table 1). */
function davidson(latent: LatentSpec, parameterCount: number, paper: number, pytorch: PytorchFigures): Reproduction {
  const kind = latent.type === 'gaussian' ? 'Gaussian' : 'sphere'
  return {
    source: `Davidson, Falorsi, De Cao, Kipf & Tomczak 2018, Hyperspherical Variational Auto-Encoders, table 1, ${kind}`,
    note:
      'Pixels are drawn black or white anew every step; those of the test images once. The paper warms the KL term up ' +
      'over 100 epochs and stops 50 epochs after the best; here 500 epochs with the whole KL term stand for that.',
    spec: { ...structuredClone(presets.sphere), latent },
    parameterCount,
    ...recipes.sphere,
    klWeight: 1,
    importanceSamples: 1,
    binarize: 'sample',
    reportEvery: 10,
    full: {
      epochs: 500,
      testSamples: 500,
      published: [{ source: 'there', quantity: 'bound', klWeight: 1, values: [paper] }],
    },
    short: {
      epochs: 3,
      testSamples: 100,
      published: [
        { source: PYTORCH_ONCE, quantity: 'test', epoch: 3, klWeight: 1, values: pytorch.negativeElbo },
        { source: 'the same', quantity: 'bound', klWeight: 1, values: pytorch.bound },
      ],
    },
  }
}

const sphere = davidson({ type: 'von-mises-fisher', size: 3 }, 469_396, 132.5, { negativeElbo: [153.15], bound: [151] })

/** What the sphere is compared with: the plane. */
const sphereGaussian = davidson({ type: 'gaussian', size: 2 }, 469_268, 135.73, { negativeElbo: [155.93], bound: [153.59] })

/** Every reproduction by name; `k` is of `iwae` alone. */
export const reproductions: Record<string, (k: number) => Reproduction> = {
  'pytorch-example': () => pytorchExample,
  mlp: () => mlp,
  mlpDeep: () => mlpDeep,
  conv: () => conv,
  draw: () => draw,
  'keras-conv': () => kerasConv,
  'keras-mlp-z2': () => kerasMlp,
  conditional: () => conditional,
  iwae,
  sphere: () => sphere,
  'sphere-gaussian': () => sphereGaussian,
}

/** The names of `reproductions`. */
export const reproductionNames = Object.keys(reproductions)
