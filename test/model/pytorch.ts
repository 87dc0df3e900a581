import * as assert from 'uvu/assert'
import {
  CONV_FIXTURES, DENSE_FIXTURES, formulaBatch, formulaModel, loadModelFixture, loadOptimizerFixture, loadPresetFixtures,
  loadTrainingFixtures, QUANTIZED_FIXTURES,
} from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { norm as normOf, relativeError } from '../reference/compare.js'
import { expectLoss, expectRelative, modelWith, withEngine } from '../support/engine.js'

/** Float32 against PyTorch's float64; losses relative to the total, gradients by norm. */
const LOSS = 2e-6
const GRADIENT = 1e-4

const models = suite('model')
const presets = suite('preset')
const optimizers = suite('optimizer')
const training = suite('training like PyTorch')

for (const name of [...DENSE_FIXTURES, ...CONV_FIXTURES, ...QUANTIZED_FIXTURES]) {
  gpuTest(models, `${name} has PyTorch's loss and gradients`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, parameters, images, noise, loss, gradients } = await loadModelFixture(name)
      const vae = await modelWith(engine, spec, parameters)
      const result = await vae.gradients({ images, noise })
      expectLoss(result.loss, loss, LOSS, 'loss')
      assert.is('quantization' in result.loss, 'quantization' in loss)
      expectRelative(result.gradients, gradients, GRADIENT, 'gradient')
      for (const [key, { shape }] of Object.entries(gradients)) assert.equal(result.gradients[key].shape, shape)
    }))
}

for (const name of ['mlp', 'mlpDeep', 'autoencoder', 'conv']) {
  gpuTest(presets, `${name} has PyTorch's loss and gradients at full size`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, batch, seed, loss, gradients } = (await loadPresetFixtures())[name]
      const vae = await modelWith(engine, spec, formulaModel(spec, seed))
      const result = await vae.gradients(formulaBatch(spec, batch, seed))
      expectLoss(result.loss, loss, LOSS, 'loss')
      assert.equal(Object.keys(result.gradients).sort(), Object.keys(gradients).sort())
      for (const [key, { norm, indices, values }] of Object.entries(gradients)) {
        const { data } = result.gradients[key]
        const error = Math.abs(normOf(data) - norm) / norm
        assert.ok(error <= GRADIENT, `the norm of ${key} is off by ${error}, bound ${GRADIENT}`)
        const some = relativeError(indices.map((index) => data[index]), values)
        assert.ok(some <= GRADIENT, `${key} is off by ${some} of its norm at ${indices.length} places, bound ${GRADIENT}`)
      }
    }))
}

gpuTest(optimizers, 'three steps follow PyTorch', ({ device }) =>
  withEngine(device, async (engine) => {
    const { spec, parameters, batches, runs } = await loadOptimizerFixture()
    for (const { name, optimizer, steps } of runs) {
      const vae = await modelWith(engine, spec, parameters)
      for (const [i, { loss, parameters: after }] of steps.entries()) {
        expectLoss(await vae.step(batches[i], optimizer), loss, LOSS, `${name}, loss before step ${i + 1}`)
        const now = await vae.parameters()
        expectRelative(now, after, 1e-6, `${name}, value after step ${i + 1}`)
        expectRelative(changes(now, parameters), changes(after, parameters), 1e-3, `${name}, change until step ${i + 1}`)
      }
    }
  }))

/** What training has added. */
function changes(after: Parameters, before: Parameters): Record<string, { data: Float64Array }> {
  const entries = Object.entries(after).map(([name, { data }]) => [
    name,
    { data: Float64Array.from(data, (value, i) => value - before[name].data[i]) },
  ])
  return Object.fromEntries(entries)
}

type Parameters = Record<string, { data: ArrayLike<number> }>

for (const name of ['mlp', 'mlpDeep']) {
  gpuTest(training, `${name} has PyTorch's first 20 losses at full size`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, batch, seed, optimizer, losses, float32Error } = (await loadTrainingFixtures())[name]
      const vae = await modelWith(engine, spec, formulaModel(spec, seed))
      for (const [step, loss] of losses.entries()) {
        const came = await vae.step(formulaBatch(spec, batch, seed + step), optimizer)
        // PyTorch's own float32 strays by float32Error; another order of the sums may stray several times as far.
        expectLoss(came, loss, LOSS + 8 * float32Error, `loss before step ${step + 1}`)
      }
    }))
}

models.run()
presets.run()
optimizers.run()
training.run()
