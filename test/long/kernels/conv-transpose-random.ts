import { gpuTest } from '../../harness/gpu.js'
import { suite } from '../../harness/suite.js'
import { checkConvolution, randomConvolutions } from '../../support/random-convolution.js'

const COUNT = 300
const PART = 10

const random = suite('transposed convolution, random shapes')
const cases = randomConvolutions(COUNT, 11, true)

for (let first = 0; first < COUNT; first += PART) {
  const title = `matches the reference on random shapes ${first + 1} to ${first + PART}, forward and backward`
  gpuTest(random, title, async ({ device }) => {
    for (const shape of cases.slice(first, first + PART)) await checkConvolution(device, shape)
  })
}

random.run()
