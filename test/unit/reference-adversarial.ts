import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  adversarialBackward, adversarialForward, PIXEL_MEAN_DERIVATIVES, PIXEL_MEANS, similarityBackward, similarityForward,
  waiting,
} from '../reference/adversarial.js'
import { assertClose } from '../reference/compare.js'
import { centralDifferences } from '../reference/differences.js'
import { normalArray, uniformArray } from '../reference/formula.js'
import { DIFFERENCES } from '../support/derivatives.js'

const reference = suite('reference of a discriminator')

reference('the backward passes are the derivatives', () => {
  const [made, real] = [normalArray(7, 1), normalArray(7, 2)]
  const similarity = centralDifferences((p) => similarityForward(p, real), made)
  assertClose(similarityBackward(made, real), similarity, 'dmade', DIFFERENCES)
  const logits = normalArray(3, 3)
  const adversarial = centralDifferences((p) => adversarialForward([...p]), logits)
  assertClose(adversarialBackward([...logits]), adversarial, 'dlogits', DIFFERENCES)
})

for (const mean of ['output', 'sigmoid', 'continuous-bernoulli'] as const) {
  reference(`the derivative of the pixel's mean is the derivative (${mean})`, () => {
    const outputs = Float32Array.of(...uniformArray(20, 1, 6), 0.4, 0.02, -0.02, 9e-3)
    outputs.forEach((l) => {
      const [expected] = centralDifferences(([p]) => PIXEL_MEANS[mean](p), [l])
      assertClose([PIXEL_MEAN_DERIVATIVES[mean](l)], [expected], `at ${l}`, DIFFERENCES)
    })
  })
}

reference('one that is far ahead waits, and neither where both would', () => {
  const rule = { equilibrium: 0.68, margin: 0.35 }
  assert.equal(waiting([0], [0], rule), { decoder: false, discriminator: false })
  assert.equal(waiting([3], [-3], rule), { decoder: false, discriminator: true }) // it tells the two apart
  assert.equal(waiting([-2], [2], rule), { decoder: true, discriminator: false }) // it takes one for the other
  assert.equal(waiting([3], [3], rule), { decoder: false, discriminator: false }) // it takes all for data
})

reference.run()
