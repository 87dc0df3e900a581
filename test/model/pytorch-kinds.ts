import { CONDITIONAL_FIXTURES, LIKELIHOOD_FIXTURES, QUANTIZED_FIXTURES } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectFixture } from '../support/pytorch.js'

const kinds = suite('kinds of models')

for (const name of [...LIKELIHOOD_FIXTURES, ...QUANTIZED_FIXTURES, ...CONDITIONAL_FIXTURES]) {
  gpuTest(kinds, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

kinds.run()
