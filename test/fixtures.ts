import { readSafetensors } from '../src/formats/safetensors.js'
import type { VaeSpec } from '../src/model/spec.js'
import type { Tensor } from '../src/tensor.js'
import { blobBytes, bytesToFloats, formulaParameters, normalArray, seedOf } from './reference/formula.js'
import { parameterShapes } from './reference/shapes.js'
import type { ReferenceOptimizer } from './reference/train.js'

// What PyTorch computed in float64; test/reference/fixtures.py writes the files. Losses are in nats per image.

interface Loss {
  total: number
  reconstruction: number
  kl: number
  quantization?: number
}

/** Small models of dense layers. */
export const DENSE_FIXTURES = ['dense', 'dense-channels', 'dense-single', 'dense-extreme', 'dense-autoencoder']

/** Small models with convolutions and residuals. */
export const CONV_FIXTURES = [
  'conv-same', 'conv-padding', 'conv-wide-stride', 'conv-transpose-same', 'conv-residual', 'conv-autoencoder',
]

/** Small vector-quantised models. */
export const QUANTIZED_FIXTURES = ['quantized']

/** A model with everything that goes in, its loss, and its gradients. */
export interface ModelFixture {
  spec: VaeSpec
  parameters: Record<string, Tensor>
  /** (B, H, W, C) */
  images: Tensor
  /** (B, Z); a deterministic model has none. */
  noise?: Tensor
  loss: Loss
  gradients: Record<string, Tensor>
}

/** Reads one of {@link DENSE_FIXTURES}, {@link CONV_FIXTURES} or {@link QUANTIZED_FIXTURES}. */
export async function loadModelFixture(name: string): Promise<ModelFixture> {
  const { tensors, metadata } = readSafetensors(await loadFixture(`${name}.safetensors`))
  const { images, noise } = tensors
  const parameters = withPrefix(tensors, 'parameter.')
  const gradients = withPrefix(tensors, 'gradient.')
  return { spec: JSON.parse(metadata.spec), loss: JSON.parse(metadata.loss), parameters, images, noise, gradients }
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

/** `mlp`, `mlpDeep`, `autoencoder`, `conv`. */
export async function loadPresetFixtures(): Promise<Record<string, PresetFixture>> {
  return JSON.parse(new TextDecoder().decode(await loadFixture('presets.json')))
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

/** The parameters of a preset's fixture. */
export function formulaModel(spec: VaeSpec, seed: number): Record<string, Tensor> {
  return formulaParameters(parameterShapes(spec), seed)
}

/** A batch of images (B, H, W, C) and noise (B, Z); a deterministic model has none. */
export function formulaBatch(spec: VaeSpec, batch: number, seed: number): { images: Tensor; noise?: Tensor } {
  const images = { shape: [batch, ...spec.input], data: bytesToFloats(blobBytes(batch, spec.input, seed)) }
  if (spec.latent.type === 'deterministic') return { images }
  const { size } = spec.latent
  return { images, noise: { shape: [batch, size], data: normalArray(batch * size, seedOf('noise', seed)) } }
}

/** The bytes of `test/fixtures/<name>`, in a browser (the repository served as `/`) as in Node (run from its root). */
export async function loadFixture(name: string): Promise<Uint8Array> {
  if ('location' in globalThis) {
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
