import { presets, type VaeSpec } from '../../src/index.js'
import { formulaBatch, formulaModel } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { referenceGradients } from '../reference/model.js'
import { expectLoss, expectRelative, modelWith, TINY, withEngine } from '../support/engine.js'

/** Float32 against float64; losses relative to the total, gradients by norm. */
const LOSS = 2e-6
const GRADIENT = 1e-4

const test = suite('model against the reference')

const colour: VaeSpec = {
  input: [5, 3, 3],
  encoder: [{ type: 'flatten' }, { type: 'dense', units: 9, activation: 'relu' }],
  latent: { type: 'gaussian', size: 5 },
  decoder: [{ type: 'dense', units: 45, activation: 'leaky-relu' }, { type: 'reshape', shape: [5, 3, 3] }],
  likelihood: { type: 'bernoulli' },
}

const convolutional: VaeSpec = {
  input: [6, 5, 3],
  encoder: [
    { type: 'conv', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
    { type: 'residual', layers: [{ type: 'conv', filters: 4, kernel: 3, activation: 'tanh' }] },
  ],
  latent: { type: 'gaussian', size: 3 },
  decoder: [
    { type: 'dense', units: 12, activation: 'sigmoid' },
    { type: 'reshape', shape: [3, 1, 4] },
    { type: 'conv-transpose', filters: 3, kernel: 4, stride: 2, activation: 'leaky-relu' },
    { type: 'flatten' },
    { type: 'dense', units: 90 },
  ],
  likelihood: { type: 'bernoulli' },
}

/** What is not piecewise linear, and SiLU beside odd sizes and other readers. */
const smooth: VaeSpec = {
  input: [3, 5, 1],
  encoder: [
    { type: 'conv', filters: 3, kernel: 3, stride: 2, activation: 'silu' },
    { type: 'residual', layers: [{ type: 'conv', filters: 3, kernel: 3, activation: 'elu' }] },
    { type: 'flatten' },
    { type: 'dense', units: 7, activation: 'softplus' },
  ],
  latent: { type: 'gaussian', size: 3 },
  decoder: [{ type: 'dense', units: 6, activation: 'silu' }, { type: 'dense', units: 15, activation: 'elu' }],
  likelihood: { type: 'bernoulli' },
}

const cases: { name: string; spec: VaeSpec; batches: number[] }[] = [
  { name: 'a tiny model', spec: TINY, batches: [1, 8, 9, 33] },
  { name: 'a tiny model without KL', spec: { ...TINY, klWeight: 0 }, batches: [3] },
  { name: 'a tiny model with KL weight 7.5', spec: { ...TINY, klWeight: 7.5 }, batches: [3] },
  { name: 'a deterministic latent', spec: { ...TINY, latent: { type: 'deterministic', size: 3 } }, batches: [1, 10] },
  { name: 'three channels', spec: colour, batches: [1, 13] },
  { name: 'heads and decoder without a hidden layer', spec: { ...colour, encoder: [] }, batches: [5] },
  { name: 'three channels with convolutions', spec: convolutional, batches: [1, 11] },
  { name: 'softplus, ELU and SiLU', spec: smooth, batches: [1, 11] },
  { name: 'the mlp preset', spec: presets.mlp, batches: [1] },
]

for (const { name, spec, batches } of cases) {
  for (const B of batches) {
    gpuTest(test, `${name} has the reference's loss and gradients at B=${B}`, ({ device }) =>
      withEngine(device, async (engine) => {
        const parameters = formulaModel(spec, 3)
        const vae = await modelWith(engine, spec, parameters)
        const { images, noise } = formulaBatch(spec, B, 5)
        const { loss, gradients } = await vae.gradients({ images, noise })
        const expected = referenceGradients(spec, parameters, images.data, noise?.data)
        expectLoss(loss, expected.loss, LOSS, 'loss')
        expectRelative(gradients, expected.gradients, GRADIENT, 'gradient')
      }))
  }
}

test.run()
