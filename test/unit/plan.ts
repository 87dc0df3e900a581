import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ParameterArena } from '../../src/model/arena.js'
import { checkSpec } from '../../src/model/check.js'
import { presets } from '../../src/model/presets.js'
import { recipes } from '../../src/train/recipes.js'

const test = suite('plan')

const BATCH = 256
const MOST_BYTES = 170e6
const LARGEST_BINDING = 128 * 2 ** 20

test('a step of conv at batch 256 needs less than 170 MB, no binding beyond the default limit', () => {
  const model = checkSpec(presets.conv)
  const request = {
    batch: BATCH,
    input: { type: 'set' as const, count: BATCH, chunks: [{ first: 0, count: BATCH }] },
    noise: 'drawn' as const,
    output: { update: recipes.conv.optimizer },
  }
  const { plan } = model.compile(request, new ParameterArena(model))
  assert.ok(plan.totalBytes < MOST_BYTES, `${plan.totalBytes} bytes`)
  assert.ok(plan.largestActivationBytes <= LARGEST_BINDING, `${plan.largestActivationBytes} bytes`)
})

test.run()
