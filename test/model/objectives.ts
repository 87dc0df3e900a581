import * as assert from 'uvu/assert'
import { adam, dataset, glyphs, sgd, ShapeError, SpecError, type Objective, type VaeSpec } from '../../src/index.js'
import { shuffledOrder, STREAMS } from '../../src/random.js'
import { formulaBatch, formulaModel } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes, bytesToFloats, normalArray } from '../reference/formula.js'
import { referenceGradients, referenceLoss } from '../reference/model.js'
import { expectLoss, expectRelative, expectSameParameters, modelWith, SMALL, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { drawnNoise } from '../support/noise.js'

/** Float32 against float64; losses relative to the total, gradients by norm. */
const LOSS = 2e-6
const GRADIENT = 1e-4

/** The noise that WGSL draws may be 2⁻¹¹ off, which moves the loss a little. */
const DRAWN = 1e-4

const gradients = suite('objective')
const training = suite('training on the bound')
const refusals = suite('objectives that are refused')

const convolutional: VaeSpec = {
  input: [6, 5, 2],
  encoder: [{ type: 'conv', filters: 3, kernel: 3, stride: 2, activation: 'tanh' }],
  latent: { type: 'gaussian', size: 5 },
  decoder: [
    { type: 'dense', units: 12, activation: 'relu' },
    { type: 'reshape', shape: [3, 2, 2] },
    { type: 'residual', layers: [{ type: 'conv', filters: 2, kernel: 3, activation: 'leaky-relu' }] },
    { type: 'conv-transpose', filters: 3, kernel: 4, stride: 2, activation: 'tanh' },
    { type: 'flatten' },
    { type: 'dense', units: 60 },
  ],
  likelihood: { type: 'bernoulli' },
}

const wide: VaeSpec = { ...TINY, latent: { type: 'gaussian', size: 17 }, klWeight: 0.3 }
const linear: VaeSpec = { ...TINY, encoder: [], decoder: [{ type: 'dense', units: 12 }] }

const cases: { name: string; spec: VaeSpec; B: number; objective: Objective }[] = [
  { name: 'a tiny model', spec: TINY, B: 1, objective: { importanceSamples: 2 } },
  { name: 'a tiny model', spec: TINY, B: 7, objective: { importanceSamples: 5 } },
  { name: 'a tiny model', spec: TINY, B: 8, objective: { importanceSamples: 3 } },
  { name: 'a tiny model', spec: TINY, B: 3, objective: { importanceSamples: 67 } },
  { name: 'KL weight 7.5', spec: { ...TINY, klWeight: 7.5 }, B: 9, objective: { importanceSamples: 4 } },
  { name: 'KL weight 0', spec: { ...TINY, klWeight: 0 }, B: 3, objective: { importanceSamples: 4 } },
  { name: 'a latent of 17', spec: wide, B: 13, objective: { importanceSamples: 5 } },
  { name: 'heads without an encoder', spec: linear, B: 5, objective: { importanceSamples: 5 } },
  { name: 'convolutions', spec: convolutional, B: 3, objective: { importanceSamples: 5 } },
  { name: 'a tiny model', spec: TINY, B: 9, objective: { freeBits: 0.05 } },
  { name: 'a tiny model', spec: TINY, B: 1, objective: { freeBits: 10 } },
  { name: 'a latent of 17', spec: wide, B: 13, objective: { freeBits: 0.25 } },
  { name: 'convolutions', spec: convolutional, B: 11, objective: { freeBits: 0.1 } },
]

for (const { name, spec, B, objective } of cases) {
  gpuTest(gradients, `${JSON.stringify(objective)} with ${name} at B=${B} is the reference's`, ({ device }) =>
    withEngine(device, async (engine) => {
      const parameters = formulaModel(spec, 3)
      const vae = await modelWith(engine, spec, parameters)
      const { images } = formulaBatch(spec, B, 5)
      const samples = objective.importanceSamples ?? 1
      const noise = { shape: [B * samples, spec.latent.size], data: normalArray(B * samples * spec.latent.size, 6) }
      const actual = await vae.gradients({ images, noise, ...objective })
      const expected = referenceGradients(spec, parameters, images.data, noise.data, objective)
      expectLoss(actual.loss, expected.loss, LOSS, 'loss')
      expectRelative(actual.gradients, expected.gradients, GRADIENT, 'gradient')
      const byImage = { ...noise, shape: [B, samples, spec.latent.size] }
      assert.equal((await vae.gradients({ images, noise: byImage, ...objective })).loss, actual.loss)
    }))
}

gpuTest(gradients, 'one sample and no free bits are today’s loss, to the bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 2 })
    const { images, noise } = formulaBatch(TINY, 5, 5)
    const plain = await vae.gradients({ images, noise })
    const same = await vae.gradients({ images, noise, importanceSamples: 1, freeBits: 0 })
    assert.equal(same.loss, plain.loss)
    expectSameParameters(same.gradients, plain.gradients)
    const { total, reconstruction, kl } = (await vae.gradients({ images, noise, freeBits: 1e-9 })).loss
    assert.ok(Math.abs(total - (reconstruction + kl)) < 1e-6 * total, `${total} against ${reconstruction} + ${kl}`)
  }))

gpuTest(gradients, 'the bound is below −ELBO of the same draws, and above that of more', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SMALL, { seed: 2 })
    const set = glyphs({ count: 60, seed: 4 })
    await vae.train(set, { steps: 60, batchSize: 20 }).done
    const images = Float32Array.from(set.images, (byte) => byte / 255)
    const { total, reconstruction, kl } = (await vae.gradients({ images, importanceSamples: 200 })).loss
    const one = (await vae.gradients({ images, importanceSamples: 2 })).loss.total
    // Jensen: the mean of −log w is above −log of the mean.
    assert.ok(total < reconstruction + kl - 0.1 && total < one, `${total}, ${reconstruction} + ${kl}, ${one}`)
  }))

for (const objective of [{ importanceSamples: 3 }, { freeBits: 0.05 }]) {
  const title = `${JSON.stringify(objective)}: steps draw the noise of their number, image by image, with a short last batch`
  gpuTest(training, title, ({ device }) =>
    withEngine(device, async (engine) => {
      const seed = 11
      const samples = objective.importanceSamples ?? 1
      const set = dataset({ images: blobBytes(13, [4, 3, 1], 1), shape: [4, 3, 1] })
      const pixels = bytesToFloats(set.images)
      const order = shuffledOrder(13, seed, 0)
      const vae = await engine.createVae(TINY, { seed })
      const parameters = await vae.parameters()
      const losses = []
      const still = sgd({ learningRate: 0 })
      const run = vae.train(set, { epochs: 1, batchSize: 8, optimizer: still, ...objective })
      for await (const { loss } of run) losses.push(loss)
      assert.is(losses.length, 2)
      losses.forEach((loss, step) => {
        const picked = [...order.subarray(8 * step, 8 * step + 8)]
        const images = picked.flatMap((n) => [...pixels.subarray(12 * n, 12 * n + 12)])
        const noise = drawnNoise(seed, STREAMS.NOISE, step, (images.length / 12) * samples, 2)
        expectLoss(loss, referenceLoss(TINY, parameters, images, noise, objective), DRAWN, `loss of step ${step + 1}`)
      })
      assert.match(String(vae.plan), objective.freeBits ? /free_bits_loss/ : /importance_loss/)
    }))
}

gpuTest(training, 'a batch whose samples are too many for one dispatch runs in slices, with the same numbers', ({ device }) =>
  withEngine(device, async (engine) => {
    const [B, importanceSamples] = [17, 2000] // 16 images, then 1
    const parameters = formulaModel(TINY, 3)
    const vae = await modelWith(engine, TINY, parameters)
    const { images } = formulaBatch(TINY, B, 5)
    const noise = normalArray(B * importanceSamples * 2, 6)
    const actual = await vae.gradients({ images, noise, importanceSamples })
    const expected = referenceGradients(TINY, parameters, images.data, noise, { importanceSamples })
    expectLoss(actual.loss, expected.loss, LOSS, 'loss')
    expectRelative(actual.gradients, expected.gradients, GRADIENT, 'gradient')
  }))

gpuTest(training, 'on five samples lowers the bound, with validation by it', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = glyphs({ count: 100, seed: 5 })
    const vae = await engine.createVae(SMALL, { seed: 1 })
    const bound = async () => (await vae.evaluate(set, { importanceSamples: 20 })).importanceWeighted!
    const before = await bound()
    const options = { epochs: 12, batchSize: 50, optimizer: adam({ learningRate: 5e-3 }), importanceSamples: 5 }
    const { loss, validation } = await vae.train(set, { ...options, validation: set }).done
    const after = await bound()
    assert.ok(after < 0.5 * before, `from ${before} to ${after}`)
    assert.ok(loss.total < loss.reconstruction + loss.kl, JSON.stringify(loss))
    assert.ok(Math.abs(validation!.importanceWeighted! - after) < 0.02 * after, `${validation!.importanceWeighted}, ${after}`)
  }))

gpuTest(training, 'the same seed gives the same bits; a conditional model reads the label of its image', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = glyphs({ count: 40, seed: 6 })
    const spec: VaeSpec = { ...SMALL, classes: 10 }
    const trained = async () => {
      const vae = await engine.createVae(spec, { seed: 2 })
      await vae.train(set, { steps: 6, batchSize: 12, importanceSamples: 4, binarize: 'sample' }).done
      return vae
    }
    const vae = await trained()
    expectSameParameters(await (await trained()).parameters(), await vae.parameters())
    const images = Float32Array.from(set.images.subarray(0, 6 * 784), (byte) => byte / 255)
    const labels = set.labels!.subarray(0, 6)
    const noise = normalArray(6 * 4 * 2, 8)
    const all = await vae.gradients({ images, labels, noise, importanceSamples: 4 })
    let sum = 0
    for (let n = 0; n < 6; n++) {
      const one = { images: images.subarray(n * 784, (n + 1) * 784), labels: labels.subarray(n, n + 1) }
      const own = noise.subarray(n * 8, (n + 1) * 8)
      sum += (await vae.gradients({ ...one, noise: own, importanceSamples: 4 })).loss.total
    }
    assert.ok(Math.abs(sum / 6 - all.loss.total) < LOSS * all.loss.total, `${sum / 6} against ${all.loss.total}`)
  }))

gpuTest(training, 'free bits keep more KL than without', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = glyphs({ count: 200, seed: 7 })
    const spec: VaeSpec = { ...SMALL, latent: { type: 'gaussian', size: 8 } }
    const kl = async (freeBits: number) => {
      const vae = await engine.createVae(spec, { seed: 1 })
      const options = { steps: 40, batchSize: 50, klWeight: 6, freeBits, optimizer: adam({ learningRate: 5e-3 }) }
      const { loss } = await vae.train(set, options).done
      if (freeBits > 0) assert.ok(loss.total > loss.reconstruction + 6 * 8 * freeBits * 0.999, JSON.stringify(loss))
      return loss.kl
    }
    const [without, free] = [await kl(0), await kl(1)]
    assert.ok(free > without + 2, `KL ${free} with free bits, ${without} without`)
  }))

gpuTest(refusals, 'say what is needed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const set = dataset({ images: blobBytes(13, [4, 3, 1], 1), shape: [4, 3, 1] })
    const images = new Float32Array(24)
    const refused = (objective: Objective, path: string, ...parts: string[]) =>
      Promise.all([
        expectError(() => vae.train(set, { steps: 1, batchSize: 8, ...objective }), SpecError, 'spec', `train.${path}`, ...parts),
        expectError(() => vae.gradients({ images, ...objective }), SpecError, 'spec', `gradients.${path}`, ...parts),
        expectError(() => vae.step({ images, ...objective }, adam()), SpecError, 'spec', `step.${path}`, ...parts),
      ])
    for (const importanceSamples of [0, -1, 2.5, NaN]) await refused({ importanceSamples }, 'importanceSamples', 'whole number')
    await refused({ importanceSamples: 5000 }, 'importanceSamples', '4096')
    for (const freeBits of [-0.1, NaN, Infinity]) await refused({ freeBits }, 'freeBits', 'from 0 on')
    await refused({ freeBits: 0.1, importanceSamples: 2 }, 'freeBits', 'importanceSamples 1')
    const noise = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((a, b) => a * b)) })
    for (const [shape, part] of [[[2, 2], '6, 3 an image'], [[2, 4, 2], 'noise'], [[3, 3, 2], 'has 9 rows']] as const) {
      const batch = { images, noise: noise([...shape]), importanceSamples: 3 }
      await expectError(() => vae.gradients(batch), ShapeError, 'shape', 'noise', part)
    }
  }))

gpuTest(refusals, 'of latents without a posterior', ({ device }) =>
  withEngine(device, async (engine) => {
    const encoder: VaeSpec['encoder'] = [{ type: 'conv', filters: 2, kernel: 1 }]
    const decoder: VaeSpec['decoder'] = [{ type: 'conv', filters: 1, kernel: 1 }]
    const codes: VaeSpec = { ...TINY, encoder, decoder, latent: { type: 'vector-quantized', codes: 4, size: 2 } }
    for (const spec of [{ ...TINY, latent: { type: 'deterministic', size: 3 } } as VaeSpec, codes]) {
      const vae = await engine.createVae(spec)
      const images = new Float32Array(12)
      const many = () => vae.gradients({ images, importanceSamples: 2 })
      await expectError(many, SpecError, 'spec', 'gradients.importanceSamples', spec.latent.type)
      await expectError(() => vae.gradients({ images, freeBits: 0.1 }), SpecError, 'spec', 'gradients.freeBits', spec.latent.type)
    }
  }))

gpuTest(refusals, 'of a batch in slices, whose mean is not known in time', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const images = new Float32Array(32_769 * 12)
    await expectError(() => vae.gradients({ images, freeBits: 0.1 }), SpecError, 'spec', 'freeBits', 32_769, 'smaller batch')
  }))

gradients.run()
training.run()
refusals.run()
