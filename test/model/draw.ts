import * as assert from 'uvu/assert'
import { adam, DataError, dataset, glyphs, ShapeError, SpecError, type VaeSpec } from '../../src/index.js'
import { ParameterArena } from '../../src/model/arena.js'
import { checkSpec } from '../../src/model/check.js'
import { formulaBatch } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectSameBits, expectWithin, relativeBounds } from '../support/bounds.js'
import { expectSameParameters, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const draw = suite('recurrent model')

/** Images of 6 × 5 with two channels, in three steps. */
function small(attention?: { read: number; write: number }, steps = 3): VaeSpec {
  return {
    input: [6, 5, 2],
    encoder: [{ type: 'lstm', units: 12 }],
    latent: { type: 'gaussian', size: 3 },
    decoder: [{ type: 'lstm', units: 10 }],
    likelihood: { type: 'bernoulli' },
    recurrent: { steps, ...(attention && { attention }) },
  }
}

const GRIDS = { read: 2, write: 3 }

for (const attention of [undefined, GRIDS]) {
  const how = attention ? 'with attention' : 'without attention'

  /** By section, for so many steps. */
  const dispatchesOf = (steps: number) => {
    const model = checkSpec({ ...small(attention, steps), input: [6, 5, 1] })
    const input = { type: 'set' as const, count: 8, chunks: [{ first: 0, count: 8 }] }
    const request = { batch: 8, input, noise: 'drawn' as const, output: { update: adam() } }
    const { plan } = model.compile(request, new ParameterArena(model))
    return Object.fromEntries(plan.sections.map(({ name, count }) => [name, count]))
  }

  draw(`${how} takes seven dispatches a step forward and seven back`, () => {
    const [three, ten] = [dispatchesOf(3), dispatchesOf(10)]
    // forward: also the loss, and without attention the last strokes' sum
    assert.equal([three.forward, ten.forward], [7 * 3, 7 * 10].map((count) => count + (attention ? 1 : 2)))
    // backward: also a weight gradient for each of three parts and three layers of attention; without attention none
    // for `write`, and the first step's reading needs no gradient
    assert.equal([three.backward, ten.backward], [7 * 3, 7 * 10].map((count) => count + (attention ? 6 : 3 - 2)))
  })

  gpuTest(draw, `${how} draws what it reconstructs from the posterior's means, step by step`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await engine.createVae(small(attention), { seed: 3 })
      const { images } = formulaBatch(vae.spec, 19, 1) // three rows more than a multiple of 16
      const { mean, logVariance } = await vae.encode(images)
      assert.equal([mean.shape, logVariance!.shape], [[19, 3, 3], [19, 3, 3]])
      const canvases = await vae.decode(mean, { everyStep: true })
      assert.equal(canvases.shape, [19, 3, 6, 5, 2])
      const decoded = await vae.decode(mean)
      const reconstruction = await vae.reconstruct(images)
      assert.equal(decoded.shape, images.shape)
      expectWithin(decoded.data, reconstruction.data, relativeBounds(decoded.data, 0, 1e-6), 'images')
      for (let n = 0; n < 19; n++) {
        const last = canvases.data.subarray((3 * n + 2) * 60, (3 * n + 3) * 60)
        expectSameBits(last, decoded.data.subarray(n * 60, (n + 1) * 60), `the last canvas of image ${n}`)
      }
      assert.not.equal(canvases.data.subarray(0, 60), canvases.data.subarray(60, 120))
      const bare = await vae.decode(mean.data)
      expectSameBits(bare.data, decoded.data, 'images of a bare array')
    }))

  gpuTest(draw, `${how} has the same bits every time, and of every image alone`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await engine.createVae(small(attention), { seed: 3 })
      const batch = formulaBatch(vae.spec, 9, 1)
      const [first, again] = [await vae.gradients(batch), await vae.gradients(batch)]
      assert.equal(first.loss, again.loss)
      expectSameParameters(first.gradients, again.gradients)
      const { reconstruction, kl } = await vae.losses(batch.images, { noise: batch.noise })
      const noise = batch.noise!.data.subarray(5 * 9, 6 * 9)
      const one = await vae.losses(batch.images.data.subarray(5 * 60, 6 * 60), { noise })
      expectSameBits(one.reconstruction, reconstruction.subarray(5, 6), 'reconstruction')
      expectSameBits(one.kl, kl.subarray(5, 6), 'kl')
      const mean = reconstruction.reduce((sum, value) => sum + value, 0) / 9
      assert.ok(Math.abs(mean - first.loss.reconstruction) < 1e-4 * mean)
    }))

  gpuTest(draw, `${how} learns, and goes on bit for bit from a saved file`, ({ device }) =>
    withEngine(device, async (engine) => {
      const spec: VaeSpec = { ...small(attention), input: [28, 28, 1] }
      const data = glyphs({ count: 96, seed: 5 })
      const options = { batchSize: 24, optimizer: adam({ learningRate: 1e-2 }) }
      const vae = await engine.createVae(spec, { seed: 3 })
      const before = await vae.evaluate(data)
      await vae.train(data, { ...options, steps: 5 }).done
      const resumed = await engine.load(await vae.save())
      await vae.train(data, { ...options, steps: 25 }).done
      await resumed.train(data, { ...options, steps: 25 }).done
      expectSameParameters(await resumed.parameters(), await vae.parameters())
      const after = await vae.evaluate(data, { importanceSamples: 20 })
      assert.ok(after.total < 0.6 * before.total, `the loss went from ${before.total} to ${after.total}`)
      const bound = after.importanceWeighted!
      assert.ok(bound < after.total && bound > 0.7 * after.total, `the bound is ${bound}, −ELBO ${after.total}`)
    }))
}

gpuTest(draw, 'samples from the prior of every step, by the seed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(small(GRIDS), { seed: 3 })
    const [a, same, other] = await Promise.all([1, 1, 2].map((seed) => vae.sample(5, { seed })))
    assert.equal(a.shape, [5, 6, 5, 2])
    expectSameBits(a.data, same.data, 'images')
    assert.not.equal(a.data, other.data)
    const { images } = formulaBatch(vae.spec, 32, 1)
    const data = dataset({ values: images.data, shape: [6, 5, 2] })
    const { active, variance } = await vae.activeUnits(data, { threshold: 0 })
    assert.is(variance.length, 9) // three in each of three steps
    assert.ok(active <= 9)
  }))

gpuTest(draw, 'says which noise, latents and options do not fit it', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(small(GRIDS), { seed: 3 })
    const { images } = formulaBatch(vae.spec, 2, 1)
    const noise = new Float32Array(2 * 2 * 3)
    const shaped = { shape: [2, 2, 3], data: noise }
    await expectError(() => vae.gradients({ images, noise: shaped }), ShapeError, 'shape', 'noise')
    const needs = 'noise: has 4 rows of 3, needs 6, 3 an image'
    await expectError(() => vae.gradients({ images, noise }), ShapeError, 'shape', needs)
    await expectError(() => vae.decode(new Float32Array(10)), ShapeError, 'shape', 'latents')
    const codes = 'latents: are codes, a recurrent model needs'
    await expectError(() => vae.decode(new Uint32Array(9)), DataError, 'data', codes)
    const importance = 'gradients.importanceSamples: a recurrent model trains on one draw an image'
    await expectError(() => vae.gradients({ images, importanceSamples: 2 }), SpecError, 'spec', importance)
    await expectError(() => vae.gradients({ images, freeBits: 1 }), SpecError, 'spec', 'gradients.freeBits: ')
    const dense = await engine.createVae({
      input: [2, 2, 1],
      encoder: [],
      latent: { type: 'gaussian', size: 1 },
      decoder: [{ type: 'dense', units: 4 }],
      likelihood: { type: 'bernoulli' },
    })
    const inOneStep = 'decode.everyStep: this model draws its images in one step'
    await expectError(() => dense.decode(new Float32Array(1), { everyStep: true }), SpecError, 'spec', inOneStep)
  }))

draw.run()
