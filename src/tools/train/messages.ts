import type { PriorSpec } from '../../model/prior/prior-spec.js'
import type { VaeSpec } from '../../model/spec.js'
import type { Augmentation } from '../../ops/gather.js'
import type { Optimizer } from '../../ops/update.js'
import type { HistoryRow } from './history.js'

/** What the page is to do. The images, and a model to go on from, it fetches from the server. */
export interface Job {
  spec: VaeSpec
  /** Go on from `resume.safetensors`, instead of beginning with `spec`. */
  resume: boolean
  /** Undefined: the resumed model's. */
  seed: number | undefined
  optimizer: Optimizer
  batchSize: number
  klWeight: number
  epochs?: number
  steps?: number
  reportEvery: number
  checkpointEvery?: number
  /** Draws of z per image to train on, 1 unless given. */
  importanceSamples?: number
  binarize?: Augmentation['binarize']
  /** Draws of z per image for the bound of the test images at the end; none unless given. */
  testSamples?: number
  /** The class that training has not seen, and draws of z per test image for its score. */
  anomaly?: { label: number; samples: number }
  /** Trains on the codes of `codes.safetensors` in place of images. */
  codes?: boolean
  /** A prior over the codes, trained after the model. */
  prior?: { epochs: number; network: Partial<PriorSpec> }
  /** Images of known label in every batch; then the classifier is also trained on those labels alone. */
  labeledPerBatch?: number
  /** Weights and biases uniform in ±1/√inputs, PyTorch's own rule, instead of the engine's. */
  initialization?: 'pytorch'
  /** On a software adapter: ends with this instead of training. */
  softwareRefusal?: string
  /** `real`: of floats, not of bytes. */
  data: { shape: [height: number, width: number, channels: number]; labels: boolean; real: boolean }
  /** For the pictures: `mlp on mnist`, and the settings in words. */
  subject: string
  settings: string[]
  /** The rows of the run that this one goes on with. */
  earlier: HistoryRow[]
}

/** What the page tells while it works. */
export type Report =
  | { type: 'ready'; adapter: string; parameterCount: number }
  | PriorReport
  | { type: 'progress'; step: number; totalSteps: number; loss: number; imagesPerSecond: number; rows: HistoryRow[] }

/** How far a prior's training is. */
export interface PriorReport {
  type: 'prior'
  step: number
  totalSteps: number
  epoch: number
  imagesPerSecond: number
  /** In training, and at the end of an epoch of the test images. */
  bitsPerCode: number
  testBitsPerCode?: number
}

/** How it ended. */
export interface Outcome {
  step: number
  /** Over all test images, at the end. */
  test?: HistoryRow
  /** The importance-weighted bound of −log p(x) over them, where it was asked for. */
  testBound?: number
  /** How well the score tells the class that training has not seen: the area under the ROC curve. */
  auroc?: number
  /** Share of the test images that the classifier gets wrong, and that one trained on the known labels alone does. */
  errors?: { model: number; labelsAlone: number }
  /** What a code of the test images costs under the trained prior, and at least would if each were drawn alone. */
  prior?: { bitsPerCode: number; independentBitsPerCode: number }
  pictures: string[]
  /** Training broke off here; what was learned until then is saved. */
  failure?: string
}

declare global {
  /** In the page: put there by the command. */
  var report: (report: Report) => Promise<void>
  /** In the page: works on a job to the end. */
  var train: (job: Job) => Promise<Outcome | { error: string }>
  /** In the page: ends training after the steps under way. */
  var stopTraining: () => void
}
