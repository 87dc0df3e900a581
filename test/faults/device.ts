import * as assert from 'uvu/assert'
import { adam, createEngine, dataset, DeviceLostError, type Engine, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const lost = suite('a lost device')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const image = new Float32Array(12).fill(0.5)
const batchSize = 8

/** A device of the test's own, to be lost. */
async function ownDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter()
  return adapter!.requestDevice({ label: 'to be lost' })
}

async function onOwnDevice(body: (vae: Vae, device: GPUDevice, engine: Engine) => Promise<void>): Promise<void> {
  const device = await ownDevice()
  const engine = await createEngine({ device })
  await body(await engine.createVae(TINY, { seed: 1 }), device, engine)
  engine.destroy()
}

const gone = (call: () => unknown) => expectError(call, DeviceLostError, 'device-lost', 'destroyed', 'new engine')

/** Every call there is. */
async function everyCallFails(vae: Vae, engine: Engine): Promise<void> {
  await gone(() => vae.train(data, { steps: 1, batchSize }).done)
  await gone(() => vae.step({ images: image }, adam()))
  await gone(() => vae.gradients({ images: image }))
  await gone(() => vae.encode(image))
  await gone(() => vae.decode(new Float32Array(2)))
  await gone(() => vae.reconstruct(image))
  await gone(() => vae.sample(1))
  await gone(() => vae.evaluate(data))
  await gone(() => vae.parameters())
  await gone(() => vae.setParameters({ 'encoder.0.bias': { shape: [5], data: new Float32Array(5) } }))
  await gone(() => vae.save())
  await gone(() => engine.createVae(TINY))
}

gpuTest(lost, 'while idle is told by engine.lost and by every later call', () =>
  onOwnDevice(async (vae, device, engine) => {
    await vae.train(data, { steps: 2, batchSize }).done
    await vae.sample(1)
    const file = await vae.save()
    device.destroy()
    const error = await engine.lost
    assert.instance(error, DeviceLostError)
    assert.is(error.code, 'device-lost')
    await everyCallFails(vae, engine)
    await gone(() => engine.load(file))
  }))

gpuTest(lost, 'is told by calls made in the same turn', () =>
  onOwnDevice(async (vae, device, engine) => {
    await vae.sample(1)
    device.destroy()
    await everyCallFails(vae, engine)
  }))

gpuTest(lost, 'ends a training run at once, and the last checkpoint goes on elsewhere', ({ device: other }) =>
  onOwnDevice(async (vae, device, engine) => {
    const saved: Uint8Array[] = []
    const checkpoint = { everySteps: 10, save: (file: Uint8Array) => void saved.push(file) }
    const optimizer = adam({ learningRate: 0.01 })
    const run = vae.train(data, { steps: 2_000_000, batchSize, optimizer, checkpoint })
    let lostAt = 0
    await gone(async () => {
      for await (const { step } of run) {
        if (step !== 25) continue
        device.destroy()
        lostAt = performance.now()
      }
    })
    const took = performance.now() - lostAt
    assert.ok(took < 2000, `the run went on for ${took} ms`)
    await gone(() => run.done)
    await everyCallFails(vae, engine)
    await withEngine(other, async (second) => {
      const loaded = await second.load(saved[1])
      const last = await loaded.train(data, { steps: 20, batchSize, optimizer: loaded.optimizer }).done
      assert.is(last.step, 40)
      const whole = await second.createVae(TINY, { seed: 1 })
      await whole.train(data, { steps: 40, batchSize, optimizer }).done
      expectSameParameters(await loaded.parameters(), await whole.parameters())
    })
  }))

gpuTest(lost, 'ends a run without a reader, a paused one, and whatever else is under way', async () => {
  await onOwnDevice(async (vae, device) => {
    const run = vae.train(data, { steps: 2_000_000, batchSize })
    setTimeout(() => device.destroy(), 30)
    await gone(() => run.done)
  })
  await onOwnDevice(async (vae, device) => {
    const run = vae.train(data, { steps: 2_000_000, batchSize })
    run.pause()
    setTimeout(() => device.destroy(), 30)
    await gone(() => run.done)
  })
  await onOwnDevice(async (vae, device) => {
    await vae.encode(image)
    const evaluation = vae.evaluate(data, { batchSize: 1 })
    const calls = [evaluation, vae.encode(image), vae.sample(2000), vae.save(), vae.parameters()]
    const step = vae.step({ images: image }, adam())
    device.destroy()
    await Promise.all([...calls, step].map((call) => gone(() => call)))
  })
})

gpuTest(lost, 'before there is a model is told by its first answer', async () => {
  const device = await ownDevice()
  device.destroy()
  const engine = await createEngine({ device })
  await gone(async () => (await engine.createVae(TINY)).parameters())
})

lost.run()
