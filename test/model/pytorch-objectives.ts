import { formulaBatch, formulaModel, loadObjectiveFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectLoss, expectRelative, modelWith, withEngine } from '../support/engine.js'
import { GRADIENT, LOSS } from '../support/pytorch.js'

const objectives = suite('objective like PyTorch')

const names = [
  'bound of dense-channels', 'bound of conv-residual', 'bound of conditional-conv', 'bound of gaussian-fixed',
  'bound of gaussian-learned', 'bound of continuous-bernoulli', 'free bits of dense-channels',
  'free bits of conditional-conv',
]

for (const name of names) {
  gpuTest(objectives, `${name} has PyTorch's loss and gradients`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, batch, seed, objective, noise, loss, gradients } = (await loadObjectiveFixtures())[name]
      const vae = await modelWith(engine, spec, formulaModel(spec, seed))
      const { images, labels } = formulaBatch(spec, batch, seed)
      const given = objective.importanceSamples ? noise : { ...noise, shape: [batch, spec.latent.size] }
      const result = await vae.gradients({ images, labels, noise: given, ...objective })
      expectLoss(result.loss, loss, LOSS, 'loss')
      expectRelative(result.gradients, gradients, GRADIENT, 'gradient')
    }))
}

objectives.run()
