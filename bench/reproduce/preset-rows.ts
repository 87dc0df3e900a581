import { presets, recipes, type VaeSpec } from '../../src/index.js'
import { PYTORCH, PYTORCH_ONCE, type Published, type Reproduction } from './reproduction.js'

// Presets by their recipes.

/** 784 · 5e-4 beside ½ Σ (…). */
const KERAS_BOOK_WEIGHT = 0.392

const common = { klWeight: 1, importanceSamples: 1, reportEvery: 10 }

export const mlp: Reproduction = {
  source: 'The preset mlp',
  spec: ownCopy(presets.mlp),
  parameterCount: 404_244,
  ...recipes.mlp,
  ...common,
  full: { epochs: 5, published: [inPyTorch([162.5, 162.8, 162.8])], softwareMinutes: 8 },
}

/** What a tutorial in PyTorch trains. */
export const mlpDeep: Reproduction = {
  source: "The preset mlpDeep, a PyTorch tutorial's network and settings",
  spec: ownCopy(presets.mlpDeep),
  parameterCount: 1_189_984,
  ...recipes.mlpDeep,
  ...common,
  full: { epochs: 30, published: tutorialEpochs({ 1: 172.84, 5: 109.66, 10: 104.67, 30: 100.16 }) },
  short: {
    epochs: 5,
    published: [inPyTorch([107.5, 108.0, 108.0]), ...tutorialEpochs({ 1: 172.84, 5: 109.66 })],
    softwareMinutes: 8,
  },
}

/** What a book on Keras trains (Chollet, Deep Learning with Python, chapter 8). */
export const conv: Reproduction = {
  source: "The preset conv, a Keras book's network, by its batch and its weight of the KL term",
  note:
    'Its loss is a mean over 784 pixels with −5e-4 · a mean over two dimensions, which in nats is a KL weight of 0.392; it ' +
    'draws z with the exponential of what its KL term calls the log-variance for a deviation. Ours has the root, as it should.',
  spec: ownCopy(presets.conv),
  parameterCount: 550_629,
  optimizer: recipes.conv.optimizer,
  batchSize: 16,
  ...common,
  klWeight: KERAS_BOOK_WEIGHT,
  full: { epochs: 10, published: bookEpochs({ 1: [165.3, 154.1], 10: [140.65, 141.2] }) },
  short: { epochs: 1, published: bookEpochs({ 1: [165.3, 154.1] }) },
}

/** One epoch; the paper has other settings. */
export const draw: Reproduction = {
  source: 'The preset draw, ten steps with attention (Gregor, Danihelka, Graves, Rezende & Wierstra 2015)',
  note: "The paper's figures are of 64 steps, and of pixels drawn black or white.",
  spec: ownCopy(presets.draw),
  parameterCount: 823_095,
  ...recipes.draw,
  ...common,
  full: { epochs: 1, published: [{ ...inPyTorch([188.55]), source: PYTORCH_ONCE, epoch: 1 }] },
}

function ownCopy(spec: VaeSpec): VaeSpec {
  return structuredClone(spec)
}

/** The test images after five epochs. */
function inPyTorch(values: number[]): Published {
  return { source: PYTORCH, quantity: 'test', epoch: 5, klWeight: 1, values }
}

function tutorialEpochs(losses: Record<number, number>): Published[] {
  return Object.entries(losses).map(([epoch, loss]) => {
    return { source: 'its log', quantity: 'training', epoch: Number(epoch), klWeight: 1, values: [loss] }
  })
}

function bookEpochs(losses: Record<number, [training: number, test: number]>): Published[] {
  return Object.entries(losses).flatMap(([epoch, [training, test]]) => {
    const figure = { source: 'its log', epoch: Number(epoch), klWeight: KERAS_BOOK_WEIGHT }
    return [
      { ...figure, quantity: 'training', values: [training] },
      { ...figure, quantity: 'test', values: [test] },
    ] satisfies Published[]
  })
}
