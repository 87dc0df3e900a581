import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { checkConvolutions, randomConvolutions } from '../support/random-convolution.js'

const COUNT = 8
const PART = 4

const random = suite('transposed convolution, random shapes')
const cases = randomConvolutions(COUNT, 11, true)

for (let first = 0; first < COUNT; first += PART) {
  const title = `matches the reference on random shapes ${first + 1} to ${first + PART}, forward and backward`
  gpuTest(random, title, ({ device }) => checkConvolutions(device, cases.slice(first, first + PART)))
}

random.run()
