import { loadObjectiveFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectObjective } from '../support/pytorch.js'

const objectives = suite('objective like PyTorch')

const names = [
  'bound of dense-channels', 'bound of conv-residual', 'bound of conditional-conv', 'bound of gaussian-fixed',
  'bound of gaussian-learned', 'bound of continuous-bernoulli', 'free bits of dense-channels',
  'free bits of conditional-conv',
]

for (const name of names) {
  gpuTest(objectives, `${name} has PyTorch's loss and gradients`, async ({ device }) =>
    expectObjective(device, (await loadObjectiveFixtures())[name]))
}

objectives.run()
