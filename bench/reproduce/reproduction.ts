import type { Augmentation, Optimizer, VaeSpec } from '../../src/index.js'

/** A number that somebody printed, and where in a run ours is to be looked for. */
export interface Published {
  /** Whose, and where it stands. */
  source: string
  /**
   * `test`: all test images after the epoch, one draw of z an image. `training`: mean over the epoch's images as they were
   * trained on. `bound`: −log p(x) of the test images, estimated by importance sampling at the end of the run.
   */
  quantity: 'test' | 'training' | 'bound'
  /** At the end of this epoch; undefined at the end of the run. */
  epoch?: number
  /** Weight of the KL term in the number; 1 makes it the true −ELBO. */
  klWeight: number
  /** Nats per image; several from several seeds. */
  values: readonly number[]
}

/** How long to train and what is known of the outcome. */
export interface Length {
  epochs: number
  /** Draws of z per image for the bound of the test images. */
  testSamples?: number
  published: readonly Published[]
  /** On a software adapter, as measured on two cores that had other work too; undefined where that is too long. */
  softwareMinutes?: number
}

/** Settings from the literature, whole. */
export interface Reproduction {
  /** Where the settings stand. */
  source: string
  /** What else to know of the number, or of how the settings are met here. */
  note?: string
  spec: VaeSpec
  parameterCount: number
  optimizer: Optimizer
  batchSize: number
  klWeight: number
  /** Draws of z per image to train on. */
  importanceSamples: number
  binarize?: Augmentation['binarize']
  /** `pytorch`: uniform in ±1/√inputs; undefined: Glorot-uniform weights, biases at zero. */
  initialization?: 'pytorch'
  /** Trains on the test images too. */
  trainsOnAll?: boolean
  /** Steps between two rows of the history. */
  reportEvery: number
  full: Length
  short?: Length
}

/** Where PyTorch's figures come from. */
export const PYTORCH = 'the same settings in PyTorch 1.13, three seeds (bench/reproduce/pytorch.py)'
export const PYTORCH_ONCE = PYTORCH.replace('three seeds', 'seed 1')
