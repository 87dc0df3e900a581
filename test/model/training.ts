import * as assert from 'uvu/assert'
import {
  adam, createEngine, dataset, glyphs, presets, rmsprop, sgd, take,
  type Dataset, type TrainOptions, type Vae, type VaeSpec,
} from '../../src/index.js'
import { shuffledOrder, STREAMS } from '../../src/random.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes, bytesToFloats } from '../reference/formula.js'
import { referenceLoss } from '../reference/model.js'
import { expectLoss, expectOtherParameters, expectSameParameters, SMALL, TINY, withEngine } from '../support/engine.js'
import { drawnNoise } from '../support/noise.js'

const determinism = suite('determinism')
const counting = suite('counting')
const evaluation = suite('evaluation')
const learning = suite('learning')

/** Losses in float32 over a set, against sums in float64. */
const LOSS = 2e-6

/** The noise that WGSL draws may be 2⁻¹¹ off, which moves the reconstruction a little. */
const DRAWN = 1e-4

const digits = glyphs({ count: 250, seed: 1 })
const blobs = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const deterministic: VaeSpec = { ...TINY, latent: { type: 'deterministic', size: 3 } }

/** 200 steps over epochs of 100, 100 and 50 images. */
async function trained(vae: Vae, options: Partial<TrainOptions> = {}) {
  await vae.train(digits, { steps: 200, batchSize: 100, optimizer: adam(), ...options }).done
  return vae.parameters()
}

gpuTest(determinism, 'the same seed gives the same bits of every parameter after 200 steps', ({ device }) =>
  withEngine(device, async (engine) => {
    const first = await trained(await engine.createVae(SMALL, { seed: 7 }))
    const again = await engine.createVae(SMALL, { seed: 7 })
    // Neither what is asked meanwhile nor how steps are packed into submissions counts.
    const run = again.train(digits, { steps: 200, batchSize: 100, optimizer: adam(), validation: take(digits, 30) })
    for await (const { step } of run) if (step % 40 === 0) await again.sample(3)
    expectSameParameters(await again.parameters(), first)
  }))

const quantized: VaeSpec = {
  ...TINY,
  encoder: [{ type: 'conv', filters: 3, kernel: 2, activation: 'tanh' }],
  latent: { type: 'vector-quantized', codes: 5, size: 3, codebookUpdate: 'moving-average' },
  decoder: [{ type: 'conv', filters: 1, kernel: 3 }],
}
const kinds: Record<string, VaeSpec> = {
  'with labels': { ...TINY, classes: 3 },
  'of a learned variance': { ...TINY, likelihood: { type: 'gaussian', variance: 'learned' } },
  'of codes': quantized,
}

for (const [name, spec] of Object.entries(kinds)) {
  gpuTest(determinism, `two engines without tuning give a model ${name} the same file and losses`, async ({ device }) => {
    const labels = Array.from({ length: blobs.count }, (_, n) => n % 3)
    const data = dataset({ images: blobs.images, shape: blobs.shape, labels })
    const once = async () => {
      const engine = await createEngine({ device, tuning: 'off' })
      const vae = await engine.createVae(spec, { seed: 7 })
      const losses = []
      const options = { steps: 120, batchSize: 8, optimizer: adam({ learningRate: 1e-2, clipNorm: 1 }) }
      for await (const { loss } of vae.train(data, options)) losses.push(loss)
      const file = await vae.save()
      engine.destroy()
      return { losses, file }
    }
    assert.equal(await once(), await once())
  })
}

gpuTest(determinism, 'another seed of the model or of the training gives other parameters', ({ device }) =>
  withEngine(device, async (engine) => {
    const steps = 6
    const first = await trained(await engine.createVae(SMALL, { seed: 7 }), { steps })
    expectOtherParameters(await trained(await engine.createVae(SMALL, { seed: 8 }), { steps }), first)
    expectOtherParameters(await trained(await engine.createVae(SMALL, { seed: 7 }), { steps, seed: 8 }), first)
    expectSameParameters(await trained(await engine.createVae(SMALL, { seed: 7 }), { steps, seed: 7 }), first)
  }))

gpuTest(determinism, 'the seed alone makes the initial parameters', ({ device }) =>
  withEngine(device, async (engine) => {
    const parameters = async (seed?: number) => (await engine.createVae(SMALL, { seed })).parameters()
    expectSameParameters(await parameters(3), await parameters(3))
    expectSameParameters(await parameters(), await parameters(0))
    expectOtherParameters(await parameters(3), await parameters(4))
  }))

gpuTest(counting, 'an epoch of 250 images at batch 100 is three steps, the last one of 50', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SMALL)
    const events = []
    for await (const event of vae.train(digits, { epochs: 2, batchSize: 100 })) events.push(event)
    assert.equal(events.map(({ step }) => step), [1, 2, 3, 4, 5, 6])
    assert.equal(events.map(({ epoch }) => epoch), [1, 1, 1, 2, 2, 2])
    assert.equal(events.map(({ epochEnd }) => epochEnd), [false, false, true, false, false, true])
    assert.ok(events.every(({ totalSteps }) => totalSteps === 6))
  }))

gpuTest(counting, 'an epoch at learning rate 0 averages over every image once, and moves nothing', ({ device }) =>
  withEngine(device, async (engine) => {
    const still = sgd({ learningRate: 0 })
    for (const spec of [deterministic, TINY]) {
      const vae = await engine.createVae(spec, { seed: 2 })
      const before = await vae.parameters()
      const options = { epochs: 1, batchSize: 8, optimizer: still, reportEvery: 100 }
      const { loss, step } = await vae.train(blobs, options).done
      const evaluated = await vae.evaluate(blobs)
      assert.is(step, 4)
      // Only the reconstruction of a sampled latent depends on the noise.
      if (spec === deterministic) expectLoss(loss, evaluated, LOSS, 'loss')
      assert.ok(Math.abs(loss.kl - evaluated.kl) <= LOSS * evaluated.total, `kl ${loss.kl}, evaluated ${evaluated.kl}`)
      expectSameParameters(await vae.parameters(), before)
    }
  }))

gpuTest(counting, 'steps take the images of the shuffled order and the noise of their number', ({ device }) =>
  withEngine(device, async (engine) => {
    const [seed, batchSize, Z] = [11, 8, TINY.latent.size]
    const vae = await engine.createVae(TINY, { seed })
    const parameters = await vae.parameters()
    const events = []
    const optimizer = sgd({ learningRate: 0 })
    for await (const event of vae.train(blobs, { epochs: 2, batchSize, optimizer })) events.push(event)
    events.forEach(({ step, epoch, loss }) => {
      const cursor = ((step - 1) % 4) * batchSize
      const images = imagesOf(blobs, shuffledOrder(blobs.count, seed, epoch - 1).subarray(cursor, cursor + batchSize))
      const noise = drawnNoise(seed, STREAMS.NOISE, step - 1, images.length / 12, Z)
      expectLoss(loss, referenceLoss(TINY, parameters, images, noise), DRAWN, `loss of step ${step}`)
    })
  }))

gpuTest(evaluation, 'averages over a whole set with a short last batch', ({ device }) =>
  withEngine(device, async (engine) => {
    const images = bytesToFloats(blobs.images)
    const plain = await engine.createVae(deterministic, { seed: 2 })
    const expected = referenceLoss(deterministic, await plain.parameters(), images)
    for (const batchSize of [1, 8, 29, 128]) {
      expectLoss(await plain.evaluate(blobs, { batchSize }), expected, LOSS, `loss at batch ${batchSize}`)
    }
    const vae = await engine.createVae(TINY, { seed: 2 })
    const noise = new Float32Array(29 * 2)
    for (let first = 0; first < 29; first += 8) {
      noise.set(drawnNoise(5, STREAMS.EVALUATE, first / 8, Math.min(8, 29 - first), 2), 2 * first)
    }
    const sampled = referenceLoss(TINY, await vae.parameters(), images, noise)
    expectLoss(await vae.evaluate(blobs, { batchSize: 8, seed: 5 }), sampled, DRAWN, 'loss with drawn noise')
    assert.equal(await vae.evaluate(blobs), await vae.evaluate(blobs, { seed: 0, batchSize: 128, klWeight: 1 }))
    const heavy = await vae.evaluate(blobs, { klWeight: 3 })
    assert.is(heavy.total, heavy.reconstruction + 3 * heavy.kl)
  }))

gpuTest(evaluation, 'the validation of an epoch is evaluate’s', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 2 })
    const validation = take(blobs, 17)
    const options = { epochs: 2, batchSize: 10, klWeight: 0.5, validation }
    const events = []
    for await (const event of vae.train(blobs, options)) {
      events.push(event)
      if (event.epochEnd && event.epoch === 1) assert.ok(event.validation, 'no validation at the end of epoch 1')
    }
    assert.equal(events.filter((event) => event.validation).map(({ step }) => step), [3, 6])
    assert.equal(events.at(-1)!.validation, await vae.evaluate(validation, { klWeight: 0.5 }))
  }))

for (const [name, optimizer] of [['mlp', rmsprop({ rho: 0.9, epsilon: 1e-7 })], ['autoencoder', adam()]] as const) {
  gpuTest(learning, `${name} learns drawn digits`, ({ device }) =>
    withEngine(device, async (engine) => {
      const data = glyphs({ count: 500, seed: 3 })
      const vae = await engine.createVae(presets[name], { seed: 1 })
      const before = await vae.evaluate(data)
      await vae.train(data, { epochs: 5, batchSize: 100, optimizer }).done
      const after = await vae.evaluate(data)
      // A model that only knows each pixel's mean would be at about 0.36 of the start.
      assert.ok(after.total < 0.5 * before.total, `from ${before.total} to ${after.total}`)
    }))
}

gpuTest(learning, 'without the KL term the code keeps more than with it', ({ device }) =>
  withEngine(device, async (engine) => {
    const kl = async (klWeight: number) => {
      const vae = await engine.createVae(SMALL, { seed: 1 })
      const optimizer = adam({ learningRate: 5e-3 })
      const { loss } = await vae.train(digits, { steps: 60, batchSize: 50, klWeight, optimizer }).done
      assert.is(loss.total, loss.reconstruction + klWeight * loss.kl)
      return (await vae.evaluate(digits)).kl
    }
    const [free, weighted] = [await kl(0), await kl(1)]
    assert.ok(free > 2 * weighted, `KL ${free} without the term, ${weighted} with it`)
  }))

/** Images as floats, in that order. */
function imagesOf({ images, count }: Dataset, order: Uint32Array): Float32Array {
  const size = images.length / count
  const picked = [...order].flatMap((index) => [...images.subarray(index * size, (index + 1) * size)])
  return bytesToFloats(Uint8Array.from(picked))
}

determinism.run()
counting.run()
evaluation.run()
learning.run()
