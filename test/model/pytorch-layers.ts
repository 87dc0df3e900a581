import * as assert from 'uvu/assert'
import { sgd } from '../../src/index.js'
import { LAYER_FIXTURES, loadModelFixture } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectRelative, modelWith, withEngine } from '../support/engine.js'
import { expectFixture } from '../support/pytorch.js'

const layers = suite('kinds of layers')

for (const name of LAYER_FIXTURES) {
  gpuTest(layers, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

for (const name of ['batch-norm-dense', 'batch-norm-conv']) {
  gpuTest(layers, `${name}: a step moves the running statistics as PyTorch does, gradients do not`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, parameters, images, noise, labels, moved } = await loadModelFixture(name)
      const vae = await modelWith(engine, spec, parameters)
      const running = async () => {
        const all = await vae.parameters()
        return Object.fromEntries(Object.keys(moved).map((key) => [key, all[key]]))
      }
      await vae.gradients({ images, noise, labels })
      const before = await running()
      for (const key of Object.keys(moved)) assert.equal(before[key].data, parameters[key].data, key)
      await vae.step({ images, noise, labels }, sgd({ learningRate: 0 }))
      expectRelative(await running(), moved, 2e-6, 'running statistics')
    }),
  )
}

layers.run()
