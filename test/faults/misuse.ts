import * as assert from 'uvu/assert'
import { adam, createEngine, dataset, ElboError, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const busy = suite('a busy model')
const destroyed = suite('a destroyed model')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const image = new Float32Array(12).fill(0.5)
const batchSize = 8

/** Every call there is, on one image or the like. */
const calls: Record<string, (vae: Vae) => unknown> = {
  train: (vae) => vae.train(data, { steps: 1, batchSize }).done,
  step: (vae) => vae.step({ images: image }, adam()),
  gradients: (vae) => vae.gradients({ images: image }),
  encode: (vae) => vae.encode(image),
  decode: (vae) => vae.decode(new Float32Array(2)),
  reconstruct: (vae) => vae.reconstruct(image),
  sample: (vae) => vae.sample(1),
  evaluate: (vae) => vae.evaluate(data),
  parameters: (vae) => vae.parameters(),
  setParameters: (vae) => vae.setParameters({ 'encoder.0.bias': { shape: [5], data: new Float32Array(5) } }),
  save: (vae) => vae.save(),
}

gpuTest(busy, 'refuses a second training and single steps, and goes on undisturbed', ({ device }) =>
  withEngine(device, async (engine) => {
    const [vae, other] = [await engine.createVae(TINY, { seed: 1 }), await engine.createVae(TINY, { seed: 1 })]
    const optimizer = adam()
    const run = vae.train(data, { steps: 300, batchSize, optimizer })
    await expectError(() => vae.train(data, { steps: 1, batchSize }), ElboError, 'busy', 'training', 'stop()')
    await expectError(() => vae.step({ images: image }, optimizer), ElboError, 'busy', 'training', 'stop()')
    assert.is((await run.done).step, 300)
    await other.train(data, { steps: 300, batchSize }).done
    expectSameParameters(await vae.parameters(), await other.parameters())
    await vae.step({ images: image }, optimizer)
    await vae.train(data, { steps: 1, batchSize, optimizer }).done
  }))

gpuTest(busy, 'refuses training while a single step is under way', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const optimizer = adam()
    const step = vae.step({ images: image }, optimizer)
    await expectError(() => vae.train(data, { steps: 1, batchSize, optimizer }), ElboError, 'busy', 'step')
    await step
    assert.is((await vae.train(data, { steps: 1, batchSize, optimizer }).done).step, 2)
  }))

gpuTest(busy, 'takes single steps one after another, in order', ({ device }) =>
  withEngine(device, async (engine) => {
    const [vae, other] = [await engine.createVae(TINY, { seed: 1 }), await engine.createVae(TINY, { seed: 1 })]
    const optimizer = adam({ learningRate: 0.1 })
    const batches = [1, 2, 3].map((rows) => ({ images: new Float32Array(12 * rows).fill(0.25 * rows) }))
    const together = await Promise.all(batches.map((batch) => vae.step(batch, optimizer)))
    const single = []
    const same = adam({ learningRate: 0.1 })
    for (const batch of batches) single.push(await other.step(batch, same))
    assert.equal(together, single)
    expectSameParameters(await vae.parameters(), await other.parameters())
  }))

gpuTest(destroyed, 'says so to every call', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    await vae.train(data, { steps: 1, batchSize }).done
    await vae.sample(1)
    const kept = await engine.createVae(TINY)
    vae.destroy()
    vae.destroy()
    for (const call of Object.values(calls)) await expectError(() => call(vae), ElboError, 'destroyed', 'destroyed')
    for (const call of Object.values(calls)) await call(kept)
  }))

gpuTest(destroyed, 'ends its training with that error', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const run = vae.train(data, { epochs: 100_000, batchSize })
    for await (const { step } of run) {
      if (step < 5) continue
      vae.destroy()
      break
    }
    throw new Error('leaving the loop did not show the error')
  }).catch((error) => {
    if (!(error instanceof ElboError)) throw error
    assert.is(error.code, 'destroyed')
  }))

gpuTest(destroyed, 'ends what it was doing: a paused training, an evaluation, drawing', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    await vae.sample(600)
    const run = vae.train(data, { epochs: 100_000, batchSize })
    run.pause()
    const doing = [run.done, vae.evaluate(data, { batchSize: 1 }), vae.sample(5000)]
    await new Promise((resolve) => setTimeout(resolve, 20))
    vae.destroy()
    const results = await Promise.allSettled(doing)
    for (const result of results) {
      if (result.status === 'rejected') assert.is(result.reason.code, 'destroyed', String(result.reason))
    }
    assert.is(results[0].status, 'rejected')
  }))

gpuTest(destroyed, 'an engine that was destroyed makes and loads no model', async ({ device }) => {
  const engine = await createEngine({ device })
  const vae = await engine.createVae(TINY)
  const file = await vae.save()
  engine.destroy()
  engine.destroy()
  for (const call of Object.values(calls)) await expectError(() => call(vae), ElboError, 'destroyed', 'destroyed')
  await expectError(() => engine.createVae(TINY), ElboError, 'destroyed', 'engine')
  await expectError(() => engine.load(file), ElboError, 'destroyed', 'engine')
})

busy.run()
destroyed.run()
