import * as assert from 'uvu/assert'
import { adam, dataset, glyphs, SpecError, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { SMALL, withEngine } from '../support/engine.js'

const importance = suite('evaluate: importance-weighted bound')

const spec: VaeSpec = {
  input: [4, 3, 1],
  encoder: [{ type: 'dense', units: 7, activation: 'tanh' }],
  latent: { type: 'gaussian', size: 1 },
  decoder: [{ type: 'dense', units: 6, activation: 'tanh' }, { type: 'dense', units: 12 }],
  likelihood: { type: 'bernoulli' },
}
const COUNT = 21
const images = Uint8Array.from({ length: COUNT * 12 }, (_, i) => ((i * 37) % 11 < 5 ? 255 : 0))
const set = dataset({ images, shape: [4, 3, 1] })

/** −log p(x), averaged over the set, by the trapezium rule over the one latent dimension. */
function exactBound(decoded: Float32Array, points: Float32Array): number {
  const step = points[1] - points[0]
  let sum = 0
  for (let n = 0; n < COUNT; n++) {
    let evidence = 0
    points.forEach((z, i) => {
      let log = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI)
      for (let j = 0; j < 12; j++) {
        const p = decoded[i * 12 + j]
        log += Math.log(images[n * 12 + j] === 255 ? p : 1 - p)
      }
      evidence += Math.exp(log) * step
    })
    sum -= Math.log(evidence)
  }
  return sum / COUNT
}

gpuTest(importance, 'tightens with samples and reaches −log p(x), found by integration', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(spec, { seed: 3 })
    await vae.train(set, { epochs: 60, batchSize: COUNT }).done
    const points = Float32Array.from({ length: 801 }, (_, i) => (i - 400) / 50)
    const exact = exactBound((await vae.decode(points)).data, points)
    const bounds: number[] = []
    for (const importanceSamples of [1, 20, 2000]) {
      const { importanceWeighted } = await vae.evaluate(set, { importanceSamples, batchSize: 8 })
      bounds.push(importanceWeighted!)
    }
    // One sample is an unbiased −ELBO; 2,000 samples of 21 images leave an error far below a hundredth of a nat.
    assert.ok(bounds[1] < bounds[0] + 0.05 && bounds[2] < bounds[1] + 0.01, `${bounds}`)
    assert.ok(Math.abs(bounds[2] - exact) < 0.01, `${bounds[2]} against ${exact}`)
    assert.is((await vae.evaluate(set)).importanceWeighted, undefined)
  }),
)

gpuTest(importance, 'is never looser with more samples: 1, 50 and 500 on 1,000 drawn digits', ({ device }) =>
  withEngine(device, async (engine) => {
    const digits = glyphs({ count: 1000, seed: 8 })
    const vae = await engine.createVae(SMALL, { seed: 4 })
    await vae.train(digits, { epochs: 3, batchSize: 50, optimizer: adam({ learningRate: 5e-3 }) }).done
    const bounds: number[] = []
    for (const importanceSamples of [1, 50, 500]) {
      bounds.push((await vae.evaluate(digits, { importanceSamples, batchSize: 500 })).importanceWeighted!)
    }
    assert.ok(bounds[0] > bounds[1] && bounds[1] > bounds[2], `${bounds}`)
  }),
)

gpuTest(importance, 'is refused for a latent without a posterior', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae({ ...spec, latent: { type: 'deterministic', size: 1 } })
    const failure = await vae.evaluate(set, { importanceSamples: 5 }).catch((error) => error)
    assert.instance(failure, SpecError)
  }),
)

importance.run()
