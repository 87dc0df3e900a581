import { readSafetensors } from '../src/formats/safetensors.js'
import { UNLABELED } from '../src/labels.js'
import type { PriorSpec } from '../src/model/prior/prior-spec.js'
import type { VaeSpec } from '../src/model/spec.js'
import type { Rate } from '../src/ops/rates.js'
import type { Optimizer } from '../src/ops/update.js'
import type { Tensor } from '../src/tensor.js'
import { blobBytes, bytesToFloats, formulaParameters, hash, normalArray, seedOf, uniform } from './reference/formula.js'
import { parameterShapes } from './reference/shapes.js'
import type { ReferenceOptimizer } from './reference/train.js'

// What PyTorch computed in float64; test/reference/fixtures.py writes the files. Losses are in nats per image.

interface Loss {
  total: number
  reconstruction: number
  kl: number
  quantization?: number
  label?: number
  classification?: number
  accuracy?: number
  /** With a discriminator. */
  adversarial?: number
  real?: number
  reconstructed?: number
  sampled?: number
}

/** Small models of dense layers. */
export const DENSE_FIXTURES = ['dense', 'dense-channels', 'dense-single', 'dense-extreme', 'dense-autoencoder']

/** Small models with convolutions and residuals. */
export const CONV_FIXTURES = [
  'conv-same', 'conv-padding', 'conv-wide-stride', 'conv-transpose-same', 'conv-residual', 'conv-autoencoder',
]

/** Small vector-quantised models. */
export const QUANTIZED_FIXTURES = ['quantized', 'quantized-bernoulli', 'quantized-average']

/** Small models that take labels. */
export const CONDITIONAL_FIXTURES = ['conditional-dense', 'conditional-conv', 'conditional-residual']

/** Small models of other likelihoods than Bernoulli's. */
export const LIKELIHOOD_FIXTURES = ['gaussian-fixed', 'gaussian-learned', 'continuous-bernoulli']

/** Small models of batch normalisation, of every activation, of full covariance, of real-valued data. */
export const LAYER_FIXTURES = ['batch-norm-dense', 'batch-norm-conv', 'activations', 'full-covariance', 'real-valued']

/** Small models whose codes lie on a sphere. */
export const SPHERE_FIXTURES = ['sphere', 'sphere-labels', 'sphere-concentrated', 'sphere-fixed']

/** Small models with a classifier: labels partly known, all, none. */
export const CLASSIFIER_FIXTURES = ['dense', 'known', 'unknown', 'conv', 'gaussian', 'silu'].map(
  (name) => `semi-supervised-${name}`,
)

/** Small models of DRAW. */
export const DRAW_FIXTURES = [
  'draw-plain', 'draw-attention', 'draw-channels', 'draw-attention-channels', 'draw-single',
]

/** A model with everything that goes in, its loss, and its gradients. */
export interface ModelFixture {
  spec: VaeSpec
  parameters: Record<string, Tensor>
  /** (B, H, W, C) */
  images: Tensor
  /** (B, Z), of a sphere (B, Z + 1); a deterministic model has none. */
  noise?: Tensor
  /** One an image; a conditional model's only. */
  labels?: number[]
  loss: Loss
  gradients: Record<string, Tensor>
  /** Running statistics after one step. */
  moved: Record<string, Tensor>
}

/** Reads one of the lists above. */
export async function loadModelFixture(name: string): Promise<ModelFixture> {
  const { tensors, metadata } = readSafetensors(await loadFixture(`${name}.safetensors`))
  const { images, noise } = tensors
  const labels = tensors.labels && [...tensors.labels.data]
  const parameters = withPrefix(tensors, 'parameter.')
  const gradients = withPrefix(tensors, 'gradient.')
  const moved = withPrefix(tensors, 'moved.')
  const [spec, loss] = [JSON.parse(metadata.spec), JSON.parse(metadata.loss)]
  return { spec, loss, parameters, images, noise, labels, gradients, moved }
}

/** Three steps of a small model with a discriminator; step t takes {@link judgedBatch}(spec, batch, seed + t). */
export interface VaeGanFixture {
  spec: VaeSpec
  batch: number
  seed: number
  optimizer: Optimizer
  balance?: { equilibrium: number; margin: number }
  parameters: Record<string, Tensor>
  /** Before each step. */
  losses: Loss[]
  /** Before the first. */
  gradients: Record<string, Tensor>
  /** Of the parameters, the running statistics among them, by all steps. */
  changes: Record<string, Tensor>
}

/** By what they are about; the names are in test/reference/fixture_vae_gan.py. */
export async function loadVaeGanFixtures(): Promise<Record<string, VaeGanFixture>> {
  const { tensors, metadata } = readSafetensors(await loadFixture('vae-gan.safetensors'))
  const cases: Record<string, VaeGanFixture> = JSON.parse(metadata.cases)
  const entries = Object.entries(cases).map(([name, given]): [string, VaeGanFixture] => {
    const parameters = formulaModel(given.spec, given.seed)
    for (const [key, { shape, data }] of Object.entries(parameters)) {
      const isScale = key.endsWith('.weight') && shape.length === 1
      if (isScale || key.endsWith('.running_var')) data.forEach((value, c) => (data[c] = value + 1))
    }
    const [gradients, changes] = ['gradient', 'change'].map((kind) => withPrefix(tensors, `${name}.${kind}.`))
    return [name, { ...given, parameters, gradients, changes }]
  })
  return Object.fromEntries(entries)
}

/** A batch with draws of the prior. */
export function judgedBatch(spec: VaeSpec, batch: number, seed: number): FormulaBatch & { prior: Tensor } {
  const shape = [batch, spec.latent.size]
  const prior = { shape, data: normalArray(batch * spec.latent.size, seedOf('prior', seed)) }
  return { ...formulaBatch(spec, batch, seed), prior }
}

/** Three steps of a small prior over maps of codes; step t takes {@link codesByFormula}(fixture, seed + t). */
export interface PriorFixture {
  map: [height: number, width: number]
  codes: number
  prior: PriorSpec
  batch: number
  seed: number
  optimizer: Optimizer
  parameters: Record<string, Tensor>
  /** Before each step, in nats per image. */
  losses: number[]
  /** Before the first. */
  gradients: Record<string, Tensor>
  /** Of the parameters, by all steps. */
  changes: Record<string, Tensor>
}

/** By what they are about; the names are in test/reference/fixture_prior.py. */
export async function loadPriorFixtures(): Promise<Record<string, PriorFixture>> {
  const { tensors, metadata } = readSafetensors(await loadFixture('priors.safetensors'))
  const cases: Record<string, PriorFixture> = JSON.parse(metadata.cases)
  const entries = Object.entries(cases).map(([name, given]): [string, PriorFixture] => {
    const [gradients, changes] = ['gradient', 'change'].map((kind) => withPrefix(tensors, `${name}.${kind}.`))
    const shapes = Object.fromEntries(Object.entries(gradients).map(([key, { shape }]) => [key, shape]))
    return [name, { ...given, parameters: formulaParameters(shapes, given.seed), gradients, changes }]
  })
  return Object.fromEntries(entries)
}

/** Maps of codes `[batch, height, width]`, and labels of a prior that has classes. */
export function codesByFormula(
  { map: [h, w], codes, batch, prior: { classes } }: Pick<PriorFixture, 'map' | 'codes' | 'batch' | 'prior'>,
  seed: number,
): { codes: Uint32Array; labels?: Uint32Array } {
  const of = (count: number, name: string, below: number) => {
    return Uint32Array.from({ length: count }, (_, i) => hash(i, seedOf(name, seed)) % below)
  }
  const maps = { codes: of(batch * h * w, 'codes', codes) }
  return classes === undefined ? maps : { ...maps, labels: of(batch, 'label', classes) }
}

/** A small model by another objective than −ELBO; {@link formulaModel} and {@link formulaBatch} make the inputs. */
export interface ObjectiveFixture {
  spec: VaeSpec
  batch: number
  seed: number
  objective: { importanceSamples?: number; freeBits?: number }
  /** (B, samples, Z), of a sphere (B, samples, Z + 1) */
  noise: Tensor
  loss: Loss
  gradients: Record<string, Tensor>
}

/** By what they are of: `bound of conv-residual`, …; the spheres' are a file of their own. */
export async function loadObjectiveFixtures(
  file: 'objectives' | 'sphere-objectives' = 'objectives',
): Promise<Record<string, ObjectiveFixture>> {
  const { tensors, metadata } = readSafetensors(await loadFixture(`${file}.safetensors`))
  const cases: Record<string, Omit<ObjectiveFixture, 'noise' | 'gradients'>> = JSON.parse(metadata.cases)
  const entries = Object.entries(cases).map(([name, given]): [string, ObjectiveFixture] => {
    const rows = [given.batch, given.objective.importanceSamples ?? 1]
    const noise = formulaNoise(given.spec, rows, 'samples', given.seed)
    return [name, { ...given, noise, gradients: withPrefix(tensors, `${name}.`) }]
  })
  return Object.fromEntries(entries)
}

/** Three steps of one small model with several optimisers, from the same parameters. */
export interface OptimizerFixture {
  spec: VaeSpec
  parameters: Record<string, Tensor>
  batches: { images: Tensor; noise: Tensor }[]
  runs: {
    name: string
    optimizer: ReferenceOptimizer
    /** The loss before each step and the parameters after it. */
    steps: { loss: Loss; parameters: Record<string, Tensor> }[]
  }[]
}

export async function loadOptimizerFixture(): Promise<OptimizerFixture> {
  const { tensors, metadata } = readSafetensors(await loadFixture('optimizers.safetensors'))
  const optimizers: Record<string, ReferenceOptimizer> = JSON.parse(metadata.optimizers)
  const losses: Record<string, Loss[]> = JSON.parse(metadata.losses)
  return {
    spec: JSON.parse(metadata.spec),
    parameters: withPrefix(tensors, 'parameter.'),
    batches: [0, 1, 2].map((step) => ({ images: tensors[`images.${step}`], noise: tensors[`noise.${step}`] })),
    runs: Object.entries(optimizers).map(([name, optimizer]) => ({
      name,
      optimizer,
      steps: losses[name].map((loss, step) => ({ loss, parameters: withPrefix(tensors, `${name}.${step}.`) })),
    })),
  }
}

/** A preset at full size; {@link formulaModel} and {@link formulaBatch} make what goes in. */
export interface PresetFixture {
  spec: VaeSpec
  batch: number
  seed: number
  loss: Loss
  /** Of each parameter's gradient the Euclidean norm, and the values at some flat indices. */
  gradients: Record<string, { norm: number; indices: number[]; values: number[] }>
}

/** Every preset. */
export async function loadPresetFixtures(): Promise<Record<string, PresetFixture>> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('presets.json')))
}

/** The functions of the von Mises-Fisher latent, to 50 digits; test/reference/von_mises_fisher.py writes the file. */
export interface SphereFixture {
  size: number
  kappa: number
  /** A(κ) */
  mean: number
  kl: number
  klDerivative: number
  /** u, atanh of the quantile ω at u, and its derivative by κ. */
  quantiles: [u: number, y: number, dyByKappa: number][]
}

/** Sizes 3 to 128, κ from 1 to 10,000. */
export async function loadSphereFixtures(): Promise<SphereFixture[]> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('von-mises-fisher.json')))
}

/** The first steps of a preset's training; step t takes `formulaBatch(spec, batch, seed + t)`. */
export interface TrainingFixture {
  spec: VaeSpec
  batch: number
  seed: number
  optimizer: ReferenceOptimizer
  /** Before each step. */
  losses: Loss[]
  /** The largest relative error of the total in PyTorch's own float32. */
  float32Error: number
}

/** `mlp`, `mlpDeep`, `conv`. */
export async function loadTrainingFixtures(): Promise<Record<string, TrainingFixture>> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('training.json')))
}

/** Some steps of a small model; step t takes `formulaBatch(spec, batch, seed + t)`. */
export interface RunFixture {
  spec: VaeSpec
  batch: number
  seed: number
  optimizer: Optimizer
  /** With a schedule of the KL term's weight every step takes the first batch, and the noise does not count. */
  klWeight?: Rate
  parameters: Record<string, Tensor>
  /** Before each step. */
  losses: Loss[]
  /** Global norm of each step's gradients, before they are clipped. */
  norms: number[]
  /** Of the parameters, by all steps. */
  changes: Record<string, Tensor>
  /** The largest relative errors in PyTorch's own float32: of a total, and of a parameter's change by norm. */
  float32Error: { loss: number; change: number }
}

/** Runs by what they are about; the names are in the files of test/reference that make them. */
export async function loadRunFixtures(
  file: 'runs' | 'sphere-runs' | 'semi-supervised-runs' | 'draw-runs' = 'runs',
): Promise<Record<string, RunFixture>> {
  const { tensors, metadata } = readSafetensors(await loadFixture(`${file}.safetensors`))
  const runs: Record<string, RunFixture & { narrow?: boolean }> = JSON.parse(metadata.runs)
  const entries = Object.entries(runs).map(([name, { narrow, ...run }]): [string, RunFixture] => {
    const parameters = formulaModel(run.spec, run.seed)
    if (narrow) {
      parameters['latent.log_variance.weight'].data.fill(0)
      parameters['latent.log_variance.bias'].data.fill(-40)
    }
    return [name, { ...run, parameters, changes: withPrefix(tensors, `${name}.`) }]
  })
  return Object.fromEntries(entries)
}

/** What PyTorch reaches with a codebook; step t takes `formulaBatch(spec, batch, seed + t)`. */
export interface QuantizedTrainingFixture {
  spec: VaeSpec
  batch: number
  steps: number
  seed: number
  optimizer: Optimizer
  /** Of reconstructed values, over `formulaBatch(spec, 64, seed)`. */
  meanSquaredError: number
  /** exp of the entropy of how often those images choose each code. */
  perplexity: number
}

/** By how the codebook follows the encoder. PyTorch's revives no codes, which costs for some steps and then pays. */
export async function loadQuantizedTraining(): Promise<Record<'gradient' | 'moving average', QuantizedTrainingFixture>> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('quantized-training.json')))
}

/** What PyTorch makes of a table of measurements, from several seeds. */
export interface RealValuedTraining {
  spec: VaeSpec
  count: number
  factors: number
  batch: number
  steps: number
  learningRate: number
  seed: number
  losses: number[]
}

export async function loadRealValuedTraining(): Promise<RealValuedTraining> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('real-valued-training.json')))
}

/** The parameters of a preset's fixture. */
export function formulaModel(spec: VaeSpec, seed: number): Record<string, Tensor> {
  return formulaParameters(parameterShapes(spec), seed)
}

/**
 * A batch of images (B, H, W, C), noise (B, Z) where the latent is drawn, labels where the model is conditional. With a
 * classifier two thirds of the labels are unknown, and an image has a row of noise for every class.
 */
export function formulaBatch(spec: VaeSpec, batch: number, seed: number): FormulaBatch {
  const { latent, classes, input, recurrent } = spec
  const images = { shape: [batch, ...input], data: bytesToFloats(blobBytes(batch, input, seed)) }
  const isKnown = (n: number) => !spec.classifier || hash(n, seedOf('known', seed)) % 3 === 0
  const labels = Array.from({ length: batch }, (_, n) => {
    return isKnown(n) ? hash(n, seedOf('label', seed)) % (classes ?? 1) : UNLABELED
  })
  const isDrawn = latent.type === 'gaussian' || latent.type === 'von-mises-fisher'
  const rows = recurrent ? [batch, recurrent.steps] : [batch * (spec.classifier ? classes! : 1)]
  const noise = isDrawn && { noise: formulaNoise(spec, rows, 'noise', seed) }
  return { images, ...noise, ...(classes && { labels }) }
}

/** Normal values [...rows, Z]; of a sphere [...rows, Z + 1], the first of a row uniform. */
function formulaNoise({ latent }: VaeSpec, rows: number[], sequence: string, seed: number): Tensor {
  const isSphere = latent.type === 'von-mises-fisher'
  const width = latent.size + Number(isSphere)
  const count = rows.reduce((product, n) => product * n, 1)
  const data = normalArray(count * width, seedOf(sequence, seed))
  const first = seedOf(`u of ${sequence}`, seed)
  if (isSphere) for (let row = 0; row < count; row++) data[row * width] = uniform(row, first)
  return { shape: [...rows, width], data }
}

interface FormulaBatch {
  images: Tensor
  noise?: Tensor
  labels?: number[]
}

/** The bytes of `test/fixtures/<name>`, in a page (the repository served as `/`), Node or Deno (run from its root). */
export async function loadFixture(name: string): Promise<Uint8Array> {
  if ('document' in globalThis) {
    const response = await fetch(`/test/fixtures/${name}`)
    if (!response.ok) throw new Error(`fixture ${name}: HTTP ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
  const module = 'node:fs/promises' // a variable, so that bundling for the browser leaves it alone
  const { readFile } = await import(module)
  return readFile(`test/fixtures/${name}`)
}

function withPrefix(tensors: Record<string, Tensor>, prefix: string): Record<string, Tensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]))
}
