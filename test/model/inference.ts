import * as assert from 'uvu/assert'
import { dataset, presets, type Tensor, type VaeSpec } from '../../src/index.js'
import { formulaModel } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes, bytesToFloats, uniformArray } from '../reference/formula.js'
import { referenceDecode, referenceEncode } from '../reference/model.js'
import { Random, STREAMS } from '../../src/random.js'
import { expectSame, expectSameBits, expectWithin } from '../support/bounds.js'
import { expectSameParameters, modelWith, TINY, withEngine } from '../support/engine.js'

const inference = suite('inference')
const parameters = suite('parameters')

/** Sums of a few dozen terms of size 1 in float32, through three layers. */
const CLOSE = 2e-5

const colour: VaeSpec = { ...TINY, input: [5, 3, 3], decoder: [{ type: 'dense', units: 45 }] }
const deterministic: VaeSpec = { ...TINY, latent: { type: 'deterministic', size: 3 } }

/** Rows that fit one program of 8, that need the next, and that need two rounds of the largest. */
const ROWS = [1, 7, 33, 600]

function imagesOf({ input }: VaeSpec, rows: number): Tensor {
  return { shape: [rows, ...input], data: bytesToFloats(blobBytes(rows, input, rows)) }
}

function expectClose(actual: Tensor, expected: ArrayLike<number>, shape: number[], what: string): void {
  assert.equal(actual.shape, shape)
  expectWithin(actual.data, expected, new Float64Array(expected.length).fill(CLOSE), what)
}

for (const [name, spec] of Object.entries({ 'a tiny model': TINY, 'three channels': colour, 'a plain code': deterministic })) {
  gpuTest(inference, `${name} encodes, decodes and reconstructs ${ROWS.join(', ')} rows like the reference`, ({ device }) =>
    withEngine(device, async (engine) => {
      const Z = spec.latent.size
      const weights = formulaModel(spec, 1)
      const vae = await modelWith(engine, spec, weights)
      for (const rows of ROWS) {
        const images = imagesOf(spec, rows)
        const expected = referenceEncode(spec, weights, images.data)
        const posterior = await vae.encode(images)
        expectClose(posterior.mean, expected.mean, [rows, Z], 'mean')
        if (expected.logVariance) expectClose(posterior.logVariance!, expected.logVariance, [rows, Z], 'logVariance')
        else assert.not('logVariance' in posterior)

        const latents = uniformArray(rows * Z, 2, 3)
        const shape = [rows, ...spec.input]
        const decoded = await vae.decode({ shape: [rows, Z], data: latents })
        expectClose(decoded, referenceDecode(spec, weights, latents), shape, 'image')
        const again = referenceDecode(spec, weights, expected.mean)
        expectClose(await vae.reconstruct(images), again, shape, 'reconstruction')
      }
    }))
}

gpuTest(inference, 'a bare array is read like a tensor', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const images = imagesOf(TINY, 5)
    const latents = { shape: [5, 2], data: uniformArray(10, 1) }
    const batch = { images, noise: latents }
    assert.equal(await vae.encode(images.data), await vae.encode(images))
    assert.equal(await vae.decode(latents.data), await vae.decode(latents))
    assert.equal(await vae.reconstruct(images.data), await vae.reconstruct(images))
    assert.equal(await vae.gradients({ images: images.data, noise: latents.data }), await vae.gradients(batch))
    assert.equal(await vae.encode({ shape: [5, 12], data: images.data }), await vae.encode(images))
  }))

gpuTest(inference, 'samples are decoded draws of the prior, the same for the same seed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 4 })
    const random = new Random(9, STREAMS.SAMPLE)
    const latents = Float32Array.from({ length: 70 * 2 }, () => random.normal())
    const samples = await vae.sample(70, { seed: 9 })
    assert.equal(samples, await vae.decode(latents))
    assert.equal(samples, await vae.sample(70, { seed: 9 }))
    assert.not.equal(samples, await vae.sample(70, { seed: 10 }))
    assert.equal(await vae.sample(3), await vae.sample(3, { seed: 4 }))
  }))

gpuTest(inference, 'every image counts alone', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(presets.mlp, { seed: 1 })
    const images = imagesOf(presets.mlp, 9)
    const all = await vae.reconstruct(images)
    for (const n of [0, 3, 8]) {
      const alone = await vae.reconstruct(images.data.slice(n * 784, (n + 1) * 784))
      expectSame(alone.data, all.data.subarray(n * 784, (n + 1) * 784), `image ${n}`)
    }
  }))

gpuTest(inference, 'calls at once answer like calls one after another', ({ device }) =>
  withEngine(device, async (engine) => {
    const [vae, other] = await Promise.all([engine.createVae(TINY, { seed: 1 }), engine.createVae(TINY, { seed: 2 })])
    const set = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
    const noise = uniformArray(2 * 7, 3)
    const calls = [vae, other].flatMap((model) => [
      () => model.encode(imagesOf(TINY, 7)),
      () => model.encode(imagesOf(TINY, 6)),
      () => model.reconstruct(imagesOf(TINY, 33)),
      () => model.decode(uniformArray(2 * 600, 1)),
      () => model.sample(5, { seed: 2 }),
      () => model.evaluate(set, { batchSize: 8 }),
      () => model.evaluate(set, { batchSize: 8, seed: 5 }),
      () => model.gradients({ images: imagesOf(TINY, 7), noise }),
      () => model.gradients({ images: imagesOf(TINY, 7), noise: noise.map((value) => -value) }),
      () => model.parameters(),
      () => model.save(),
    ])
    const single: unknown[] = []
    for (const call of calls) single.push(await call())
    for (let round = 0; round < 3; round++) {
      const together = await Promise.all(calls.map((call) => call()))
      together.forEach((result, i) => assert.equal(result, single[i], `call ${i} of round ${round}`))
    }
  }))

gpuTest(inference, 'calls while training runs see the parameters of some step, and disturb nothing', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
    const [quiet, asked] = [await engine.createVae(TINY, { seed: 1 }), await engine.createVae(TINY, { seed: 1 })]
    const before = await asked.evaluate(set)
    const run = asked.train(set, { steps: 900, batchSize: 8 })
    const seen: number[] = []
    for await (const { step } of run) {
      if (step % 100 !== 0) continue
      const [loss, samples, posterior, gradients] = await Promise.all([
        asked.evaluate(set),
        asked.sample(40),
        asked.encode(imagesOf(TINY, 9)),
        asked.gradients({ images: imagesOf(TINY, 2) }),
      ])
      seen.push(loss.total)
      assert.equal([samples.shape[0], posterior.mean.shape[0]], [40, 9])
      assert.ok(Number.isFinite(gradients.loss.total))
    }
    assert.is(seen.length, 9)
    assert.ok(seen.at(-1)! < before.total, `the loss went from ${before.total} to ${seen.at(-1)}`)
    await quiet.train(set, { steps: 900, batchSize: 8 }).done
    expectSameParameters(await asked.parameters(), await quiet.parameters())
  }))

const layered: VaeSpec = {
  input: [6, 4, 3],
  encoder: [{ type: 'conv', filters: 5, kernel: 3, stride: 2 }, { type: 'dense', units: 7 }],
  latent: { type: 'gaussian', size: 3 },
  decoder: [
    { type: 'dense', units: 12 },
    { type: 'reshape', shape: [3, 2, 2] },
    { type: 'conv-transpose', filters: 3, kernel: 4, stride: 2 },
  ],
  likelihood: { type: 'bernoulli' },
}

gpuTest(parameters, 'have PyTorch’s names and shapes, and come back bit for bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(layered, { seed: 1 })
    const shapes = Object.entries(await vae.parameters()).map(([name, { shape }]) => [name, shape])
    assert.equal(Object.fromEntries(shapes), {
      'encoder.0.weight': [5, 3, 3, 3],
      'encoder.0.bias': [5],
      'encoder.1.weight': [7, 30],
      'encoder.1.bias': [7],
      'latent.mean.weight': [3, 7],
      'latent.mean.bias': [3],
      'latent.log_variance.weight': [3, 7],
      'latent.log_variance.bias': [3],
      'decoder.0.weight': [12, 3],
      'decoder.0.bias': [12],
      'decoder.2.weight': [2, 3, 4, 4],
      'decoder.2.bias': [3],
    })
    const values = formulaModel(layered, 5)
    values['encoder.1.bias'].data.set([0, -0, 1e-38, -3e38, 2 ** -24, 1 / 3, -1])
    await vae.setParameters(values)
    expectSameParameters(await vae.parameters(), values)
  }))

gpuTest(parameters, 'left out of setParameters keep their values', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(layered, { seed: 1 })
    const before = await vae.parameters()
    const bias = { shape: [3], data: Float32Array.of(1, 2, 3) }
    await vae.setParameters({ 'latent.log_variance.bias': bias })
    expectSameParameters(await vae.parameters(), { ...before, 'latent.log_variance.bias': bias })
    await vae.setParameters({})
    expectSameParameters(await vae.parameters(), { ...before, 'latent.log_variance.bias': bias })
  }))

gpuTest(parameters, 'handed out are copies', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const first = await vae.parameters()
    const kept = first['encoder.0.weight'].data.slice()
    first['encoder.0.weight'].data.fill(9)
    expectSameBits((await vae.parameters())['encoder.0.weight'].data, kept, 'encoder.0.weight')
    const given = { 'encoder.0.bias': { shape: [5], data: new Float32Array(5).fill(0.5) } }
    const setting = vae.setParameters(given)
    given['encoder.0.bias'].data.fill(7)
    await setting
    assert.is((await vae.parameters())['encoder.0.bias'].data[0], 0.5)
  }))

inference.run()
parameters.run()
