import * as assert from 'uvu/assert'
import { formulaBatch, formulaModel, loadPresetFixtures, loadTrainingFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { norm as normOf, relativeError } from '../reference/compare.js'
import { expectLoss, modelWith, withEngine } from '../support/engine.js'
import { GRADIENT, LOSS } from '../support/pytorch.js'

const presets = suite('preset')
const training = suite('training like PyTorch')

for (const name of ['mlp', 'mlpDeep', 'autoencoder', 'conv', 'conditional', 'vectorQuantized', 'sphere', 'semiSupervised']) {
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

presets.run()
training.run()
