import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SpecError } from '../../src/errors.js'
import { checkSpec } from '../../src/model/check.js'

const test = suite('recurrent specification')

function specWith(parts: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    input: [6, 9, 2],
    encoder: [{ type: 'lstm', units: 5 }],
    latent: { type: 'gaussian', size: 3 },
    decoder: [{ type: 'lstm', units: 4 }],
    likelihood: { type: 'bernoulli' },
    recurrent: { steps: 3 },
    ...parts,
  }
}

function expectRefusal(parts: Record<string, unknown>, path: string, reason: RegExp): void {
  try {
    checkSpec(specWith(parts))
  } catch (error) {
    assert.instance(error, SpecError)
    assert.is((error as SpecError).path, path)
    assert.match((error as SpecError).message, reason)
    return
  }
  assert.unreachable(`${path} was not refused`)
}

const attention = (read: unknown, write: unknown) => ({ recurrent: { steps: 3, attention: { read, write } } })

test('names and shapes are PyTorch\'s', () => {
  const shapes = (parts: Record<string, unknown>) => {
    return Object.fromEntries(checkSpec(specWith(parts)).parameters().map(({ name, shape }) => [name, shape]))
  }
  const common = {
    'encoder.0.weight_hh': [20, 5],
    'encoder.0.bias_ih': [20],
    'encoder.0.bias_hh': [20],
    'latent.mean.weight': [3, 5],
    'latent.mean.bias': [3],
    'latent.log_variance.weight': [3, 5],
    'latent.log_variance.bias': [3],
    'decoder.0.weight_ih': [16, 3],
    'decoder.0.weight_hh': [16, 4],
    'decoder.0.bias_ih': [16],
    'decoder.0.bias_hh': [16],
  }
  assert.equal(shapes({}), {
    ...common,
    'encoder.0.weight_ih': [20, 2 * 108 + 4],
    'write.weight': [108, 4],
    'write.bias': [108],
  })
  assert.equal(shapes(attention(2, 3)), {
    ...common,
    'encoder.0.weight_ih': [20, 2 * 2 * 4 + 4],
    'read.attention.weight': [5, 4],
    'read.attention.bias': [5],
    'write.weight': [2 * 9, 4],
    'write.bias': [18],
    'write.attention.weight': [5, 4],
    'write.attention.bias': [5],
  })
})

test('steps and grids are checked', () => {
  expectRefusal({ recurrent: { steps: 0 } }, 'recurrent.steps', /from 1 on, got 0/)
  expectRefusal({ recurrent: { steps: 257 } }, 'recurrent.steps', /at most 256, got 257/)
  expectRefusal({ recurrent: { steps: 3, step: 1 } }, 'recurrent.step', /did you mean "steps"/)
  expectRefusal({ recurrent: 3 }, 'recurrent', /plain object, got 3/)
  expectRefusal({ recurrent: { steps: 3, attention: { read: 2 } } }, 'recurrent.attention.write', /got nothing/)
  expectRefusal(attention(1, 3), 'recurrent.attention.read', /from 2 on, got 1/)
  expectRefusal(attention(10, 3), 'recurrent.attention.read', /10 × 10 is larger than the image, 6 × 9; take 9 or less/)
  expectRefusal(attention(2, 10), 'recurrent.attention.write', /10 × 10 is larger than the image/)
  checkSpec(specWith(attention(9, 9)))
})

test('encoder and decoder are one lstm each, which no other model has', () => {
  const dense = { type: 'dense', units: 4 }
  const lstm = { type: 'lstm', units: 4 }
  expectRefusal({ encoder: [dense] }, 'encoder[0].type', /the encoder of a recurrent model is one lstm, got "dense"/)
  expectRefusal({ decoder: [lstm, dense] }, 'decoder[1].type', /the decoder of a recurrent model is one lstm/)
  expectRefusal({ encoder: [] }, 'encoder', /is one lstm, got 0 layers/)
  expectRefusal({ encoder: [lstm, lstm] }, 'encoder', /is one lstm, got 2 layers/)
  expectRefusal({ encoder: [{ type: 'lstm', units: 0 }] }, 'encoder[0].units', /from 1 on, got 0/)
  expectRefusal({ encoder: [{ ...lstm, activation: 'tanh' }] }, 'encoder[0].activation', /it|keys/)
  expectRefusal({ recurrent: undefined }, 'encoder[0].type', /an lstm needs a recurrent model/)
})

test('the latent is a diagonal Gaussian, and there are no labels', () => {
  expectRefusal({ latent: { type: 'deterministic', size: 3 } }, 'latent.type', /needs a gaussian latent/)
  expectRefusal({ latent: { type: 'gaussian', size: 3, covariance: 'full' } }, 'latent.covariance', /needs a diagonal/)
  expectRefusal({ classes: 3 }, 'classes', /takes no labels/)
})

test.run()
