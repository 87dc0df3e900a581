import * as assert from 'uvu/assert'
import { adam, DataError, glyphs, ShapeError, type TrainEvent, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectSameParameters, withEngine } from '../support/engine.js'

const quantized = suite('vector-quantised model')

const spec: VaeSpec = {
  input: [28, 28, 1],
  encoder: [
    { type: 'conv', filters: 8, kernel: 4, stride: 4, padding: 0, activation: 'relu' },
    { type: 'residual', layers: [{ type: 'conv', filters: 8, kernel: 1 }] },
  ],
  latent: { type: 'vector-quantized', codes: 32, size: 4 },
  decoder: [
    { type: 'conv', filters: 8, kernel: 3, activation: 'relu' },
    { type: 'conv-transpose', filters: 1, kernel: 4, stride: 4, padding: 0 },
  ],
  likelihood: { type: 'bernoulli' },
}
const averaged: VaeSpec = { ...spec, latent: { ...spec.latent, codebookUpdate: 'moving-average' } as VaeSpec['latent'] }

const digits = glyphs({ count: 60, seed: 1 })
const images = Float32Array.from(digits.images.subarray(0, 3 * 784), (byte) => byte / 255)

for (const [name, model] of Object.entries({ gradient: spec, 'moving average': averaged })) {
  gpuTest(quantized, `learns drawn digits and uses many codes, by ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await engine.createVae(model, { seed: 1 })
      const before = await vae.evaluate(digits)
      const events: TrainEvent[] = []
      const run = vae.train(digits, { steps: 240, batchSize: 20, optimizer: adam({ learningRate: 5e-3 }) })
      for await (const event of run) events.push(event)
      const after = await vae.evaluate(digits)
      assert.ok(after.total < 0.5 * before.total, `from ${before.total} to ${after.total}`)
      assert.is(after.kl, 0)
      assert.ok(Math.abs(after.total - after.reconstruction - after.quantization!) < 1e-9)
      const { perplexity, codesUsed } = events.at(-1)!
      assert.ok(codesUsed! >= (model === spec ? 4 : 20), `${codesUsed} codes used`)
      assert.ok(perplexity! > 1 && perplexity! <= codesUsed! + 1e-9, `perplexity ${perplexity}`)
    }))

  gpuTest(quantized, `goes on from a file bit for bit, by ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const options = { batchSize: 16, optimizer: adam({ learningRate: 1e-2 }) }
      const vae = await engine.createVae(model, { seed: 2 })
      await vae.train(digits, { steps: 6, ...options }).done
      const loaded = await engine.load(await vae.save())
      assert.equal(await loaded.sample(2), await vae.sample(2))
      const last = await vae.train(digits, { steps: 70, ...options }).done
      const again = await loaded.train(digits, { steps: 70, ...options, optimizer: loaded.optimizer }).done
      expectSameParameters(await loaded.parameters(), await vae.parameters())
      assert.equal([again.perplexity, again.codesUsed, again.loss], [last.perplexity, last.codesUsed, last.loss])
      assert.equal(await loaded.save(), await vae.save())
    }))
}

gpuTest(quantized, 'encodes to codes, and decodes codes or vectors', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(spec, { seed: 3 })
    const { mean, codes } = await vae.encode(images)
    assert.equal([mean.shape, codes!.shape], [[3, 7, 7, 4], [3, 7, 7]])
    const book = (await vae.parameters())['latent.codebook.weight'].data
    assert.equal([...mean.data], [...codes!.data].flatMap((code) => [...book.subarray(4 * code, 4 * code + 4)]))
    const decoded = await vae.decode(codes!)
    assert.equal(decoded, await vae.decode(codes!.data))
    assert.equal(decoded, await vae.decode(mean))
    assert.equal(decoded, await vae.reconstruct(images))
    assert.equal((await vae.sample(5)).shape, [5, 28, 28, 1])
    assert.equal(await vae.sample(5, { seed: 1 }), await vae.sample(5, { seed: 1 }))
  }))

gpuTest(quantized, 'refuses codes that there are not, and shapes that do not fit', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(spec, { seed: 3 })
    const plain = await engine.createVae({ ...spec, latent: { type: 'deterministic', size: 392 }, decoder: [{ type: 'dense', units: 784 }] })
    const refused = async (promise: Promise<unknown>, type: typeof DataError | typeof ShapeError, message: RegExp) => {
      const error = await promise.then(() => undefined, (thrown: Error) => thrown)
      assert.instance(error, type, String(error))
      assert.match(error!.message, message)
    }
    const wrong = new Uint32Array(49)
    wrong[7] = 32
    await refused(vae.decode(wrong), DataError, /codes: number 7 is 32, needs a whole number from 0 to 31/)
    await refused(vae.decode(new Uint32Array(50)), ShapeError, /needs \[batch, 7, 7\]/)
    await refused(vae.decode({ shape: [1, 7, 8], data: new Uint32Array(49) }), ShapeError, /needs \[batch, 7, 7\]/)
    await refused(vae.decode(new Float32Array(195)), ShapeError, /7 × 7 × 4/)
    await refused(plain.decode(new Uint32Array(392)), DataError, /deterministic model/)
  }))

quantized.run()
