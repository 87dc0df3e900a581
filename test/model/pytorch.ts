import { CONV_FIXTURES, DENSE_FIXTURES } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectFixture } from '../support/pytorch.js'

const models = suite('model')

for (const name of [...DENSE_FIXTURES, ...CONV_FIXTURES]) {
  gpuTest(models, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

models.run()
