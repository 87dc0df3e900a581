import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SpecError } from '../../src/errors.js'
import { checkRate, rateAt } from '../../src/ops/rates.js'

const test = suite('rates')

test('multi-step falls at every milestone, as MultiStepLR does', () => {
  const rate = { type: 'multi-step', value: 8, factor: 0.5, milestones: [2, 3, 6] } as const
  checkRate(rate, 'rate')
  assert.equal([0, 1, 2, 3, 4, 5, 6, 1000].map((step) => rateAt(rate, step)), [8, 8, 4, 2, 2, 2, 1, 1])
})

test('multi-step needs milestones that rise', () => {
  for (const milestones of [undefined, 5, [0], [1.5], [3, 3], [4, 2], ['1']]) {
    assert.throws(
      () => checkRate({ type: 'multi-step', value: 1, factor: 0.1, milestones }, 'optimizer.learningRate'),
      (error: Error) => error instanceof SpecError && error.message.includes('optimizer.learningRate.milestones'),
      String(milestones),
    )
  }
})

test.run()
