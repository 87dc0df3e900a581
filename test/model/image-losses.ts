import * as assert from 'uvu/assert'
import { SpecError, type VaeSpec } from '../../src/index.js'
import { formulaBatch, formulaModel, loadModelFixture } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { normalArray } from '../reference/formula.js'
import { referenceDecode, referenceEncode, referenceLoss } from '../reference/model.js'
import { expectSameBits, expectWithin } from '../support/bounds.js'
import { modelWith, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const test = suite('losses of images')

const LOSS = 2e-6

gpuTest(test, 'are means over draws, image by image and pixel by pixel, as the reference has them', ({ device }) =>
  withEngine(device, async (engine) => {
    const [batch, samples, Z, N] = [37, 3, 2, 12]
    const spec: VaeSpec = { ...TINY, klWeight: 0.5 }
    const parameters = formulaModel(spec, 3)
    const { images } = formulaBatch(spec, batch, 5)
    const noise = { shape: [batch, samples, Z], data: normalArray(batch * samples * Z, 8) }
    const vae = await modelWith(engine, spec, parameters)
    const losses = await vae.losses(images, { noise, samples, perPixel: true })
    const { mean, logVariance } = referenceEncode(spec, parameters, images.data)
    const z = Float64Array.from(noise.data, (e, at) => {
      const j = Math.floor(at / (samples * Z)) * Z + (at % Z)
      return mean[j] + Math.exp(0.5 * logVariance![j]) * e
    })
    const p = referenceDecode(spec, parameters, z)
    const pixels = Float64Array.from({ length: batch * N }, (_, at) => {
      const [n, x] = [Math.floor(at / N), images.data[at]]
      const draws = Array.from({ length: samples }, (_, s) => p[(n * samples + s) * N + (at % N)])
      return draws.reduce((sum, q) => sum - x * Math.log(q) - (1 - x) * Math.log(1 - q), 0) / samples
    })
    assert.equal(losses.pixels!.shape, [batch, 4, 3, 1])
    expectWithin(losses.pixels!.data, pixels, pixels.map((value) => 1e-5 * (1 + value)), 'pixels')
    for (let n = 0; n < batch; n++) {
      const sum = pixels.subarray(n * N, (n + 1) * N).reduce((a, b) => a + b, 0)
      const image = images.data.subarray(n * N, (n + 1) * N)
      const { kl } = referenceLoss(spec, parameters, image, noise.data.subarray(n * samples * Z, n * samples * Z + Z))
      const [actual, expected] = [[losses.reconstruction[n], losses.kl[n], losses.total[n]], [sum, kl, sum + 0.5 * kl]]
      expectWithin(actual, expected, expected.map(() => LOSS * (sum + kl)), `image ${n}`)
    }
  }),
)

for (const name of ['gaussian-learned', 'continuous-bernoulli', 'conditional-dense', 'quantized', 'conv-same']) {
  gpuTest(test, `of ${name} come to PyTorch's over the batch, pixel by pixel too`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { spec, parameters, images, noise, labels, loss } = await loadModelFixture(name)
      const vae = await modelWith(engine, spec, parameters)
      const losses = await vae.losses(images, { noise, labels, perPixel: true })
      const count = images.shape[0]
      const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / count
      const parts = Object.entries(loss).map(([part, value]): [number, number] => {
        return [mean(losses[part as 'total']), value]
      })
      parts.push([mean(losses.pixels!.data), loss.reconstruction])
      const [actual, expected] = [parts.map(([a]) => a), parts.map(([, b]) => b)]
      expectWithin(actual, expected, expected.map(() => LOSS * Math.abs(loss.total)), 'means')
    }),
  )
}

gpuTest(test, 'are the same however many images a call has, and other draws of another seed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await modelWith(engine, TINY, formulaModel(TINY, 3))
    const { images } = formulaBatch(TINY, 600, 3) // two passes of the largest program
    const losses = await vae.losses(images, { samples: 10 })
    const again = await vae.losses(images, { samples: 10 })
    expectSameBits(losses.total, again.total, 'the same seed')
    const few = await vae.losses(images.data.subarray(0, 5 * 12), { samples: 10 })
    expectWithin(few.total, losses.total.subarray(0, 5), new Float64Array(5).fill(1e-5), 'the first five')
    const other = await vae.losses(images, { samples: 10, seed: 1 })
    assert.ok(other.total.some((value, n) => value !== losses.total[n]))
    assert.is(losses.pixels, undefined)
  }),
)

gpuTest(test, 'ask for what they can have', ({ device }) =>
  withEngine(device, async (engine) => {
    const { images } = formulaBatch(TINY, 3, 3)
    const vae = await engine.createVae({ ...TINY, latent: { type: 'deterministic', size: 2 } })
    const refused = (options: object, message: string) =>
      expectError(() => vae.losses(images, options), SpecError, 'spec', message)
    await refused({ samples: 2 }, 'losses.samples: a deterministic latent has no posterior to draw from')
    await refused({ samples: 0 }, 'losses.samples: needs a whole number from 1 on, got 0')
    await refused({ perPixel: 1 }, 'losses.perPixel: needs true or false, got 1')
    await refused({ sample: 2 }, 'did you mean "samples"?')
  }),
)

test.run()
