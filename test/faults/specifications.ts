import * as assert from 'uvu/assert'
import { SpecError, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { countObjects } from '../support/counting.js'
import { TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const test = suite('specification')

const { encoder, decoder } = TINY
const conv = { type: 'conv', filters: 2, kernel: 3 }

/** What is wrong, with the path and words that the message must hold. */
const cases: [title: string, change: object, path: string, ...parts: string[]][] = [
  ['no units', { encoder: [{ type: 'dense' }] }, 'encoder[0].units', 'whole number', 'nothing'],
  ['half a unit', { decoder: [{ type: 'dense', units: 2.5 }, ...decoder] }, 'decoder[0].units', '2.5'],
  ['an unknown layer', { encoder: [{ type: 'linear', units: 3 }] }, 'encoder[0].type', 'linear', 'dense'],
  ['an unknown activation', { encoder: [{ ...encoder[0], activation: 'gelu' }] }, 'encoder[0].activation', 'gelu', 'relu'],
  ['an unknown key', { encoder: [{ ...encoder[0], unit: 3 }] }, 'encoder[0].unit', 'units'],
  ['a convolution of a vector', { encoder: [...encoder, conv] }, 'encoder[1]', 'image'],
  ['a kernel beyond the image', { encoder: [{ ...conv, kernel: 9, padding: 0 }] }, 'encoder[0].kernel', '9', '4 × 3'],
  ['a reshape of other size', { decoder: [{ type: 'reshape', shape: [2, 2, 1] }, ...decoder] }, 'decoder[0].shape', '4', '2'],
  ['a decoder of other size', { decoder: [{ type: 'dense', units: 11 }] }, 'decoder[0].units', '11', '12'],
  ['a residual of other size', { encoder: [{ type: 'residual', layers: [conv] }] }, 'encoder[0]', '4 × 3 × 1', '4 × 3 × 2'],
  ['logits in [0, 1]', { decoder: [{ type: 'dense', units: 12, activation: 'sigmoid' }] }, 'decoder[0].activation', 'logits'],
  ['no latent', { latent: undefined }, 'latent', 'nothing'],
  ['a latent of nothing', { latent: { type: 'gaussian', size: 0 } }, 'latent.size', '0'],
  ['an unknown likelihood', { likelihood: { type: 'normal' } }, 'likelihood.type', 'normal', 'bernoulli'],
  ['a negative KL weight', { klWeight: -1 }, 'klWeight', '-1'],
  ['an input of two dimensions', { input: [4, 3] }, 'input', 'height'],
]

for (const [title, change, path, ...parts] of cases) {
  gpuTest(test, `with ${title} is refused at ${path}, and nothing is made`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { counts, restore } = countObjects(device)
      try {
        const spec = { ...TINY, ...change } as VaeSpec
        const error = await expectError(() => engine.createVae(spec), SpecError, 'spec', path, ...parts)
        assert.is((error as SpecError).path, path)
      } finally {
        restore()
      }
      assert.equal([counts.buffers, counts.bindGroups, counts.modules, counts.pipelines], [0, 0, 0, 0])
    }))
}

gpuTest(test, 'of no kind at all, or with a seed that cannot be, is refused', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const none of [undefined, null, 'mlp', []]) {
      await expectError(() => engine.createVae(none as never), SpecError, 'spec', 'specification')
    }
    for (const seed of [-1, 0.5, NaN]) await expectError(() => engine.createVae(TINY, { seed }), SpecError, 'spec', 'seed', seed)
  }))

test.run()
