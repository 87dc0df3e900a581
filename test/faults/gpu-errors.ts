import * as assert from 'uvu/assert'
import { adam, createEngine, dataset, type Engine, KernelError, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { expectErrors, pageSuite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { watchBuffers } from '../support/gpu-faults.js'

// Deno ends where a buffer that is in use was destroyed (a panic of wgpu), and Dawn tells Node's listeners nothing.
const refused = pageSuite('work that the GPU refuses')
const uncaptured = pageSuite('errors that no scope holds')

// Firefox names the mistake, not the buffer.
expectErrors(/uncaptured GPU error: [^]*(provoked|BufferUsages\(0x0\))/)

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const image = new Float32Array(12).fill(0.5)
const batchSize = 8
const optimizer = adam()

/** Every call that needs the parameters. */
const calls: Record<string, (vae: Vae) => unknown> = {
  train: (vae) => vae.train(data, { steps: 5, batchSize, optimizer }).done,
  step: (vae) => vae.step({ images: image }, optimizer),
  gradients: (vae) => vae.gradients({ images: image }),
  encode: (vae) => vae.encode(image),
  decode: (vae) => vae.decode(new Float32Array(2)),
  evaluate: (vae) => vae.evaluate(data),
  parameters: (vae) => vae.parameters(),
  setParameters: (vae) => vae.setParameters({ 'encoder.0.bias': { shape: [5], data: new Float32Array(5) } }),
  save: (vae) => vae.save(),
}

/** A model that has done everything once, and its parameters' buffer. */
async function practised(engine: Engine): Promise<{ vae: Vae; parameters: GPUBuffer }> {
  let vae!: Vae
  const asked = await watchBuffers(engine.device, [], async () => (vae = await engine.createVae(TINY)))
  for (const call of Object.values(calls)) await call(vae)
  return { vae, parameters: asked.find(({ label }) => label === 'parameters')!.buffer }
}

for (const [name, call] of Object.entries(calls)) {
  gpuTest(refused, `${name} on a buffer that somebody destroyed fails with the GPU's words`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { vae, parameters } = await practised(engine)
      parameters.destroy()
      await expectError(() => call(vae), KernelError, 'kernel', 'the GPU', 'says', 'parameters', 'destroyed')
    }))
}

gpuTest(refused, 'ends a run in its course, while another model trains on', ({ device }) =>
  withEngine(device, async (engine) => {
    const { vae, parameters } = await practised(engine)
    const other = await engine.createVae(TINY)
    const undisturbed = other.train(data, { steps: 400, batchSize })
    let last = 0
    await expectError(
      async () => {
        for await (const { step, loss } of vae.train(data, { steps: 1_000_000, batchSize, optimizer })) {
          assert.ok(loss.total > 0, `the loss of step ${step} is ${loss.total}`)
          last = step
          if (step === 20) parameters.destroy()
        }
      },
      KernelError,
      'kernel',
      'parameters',
      'destroyed',
    )
    assert.ok(last >= 20)
    const { step, loss } = await undisturbed.done
    assert.is(step, 400)
    assert.ok(loss.total > 0)
  }))

gpuTest(refused, 'is told whatever scopes the caller has open, and theirs stay empty and in order', ({ device }) =>
  withEngine(device, async (engine) => {
    const { vae, parameters } = await practised(engine)
    device.pushErrorScope('validation')
    const run = vae.train(data, { steps: 300, batchSize, optimizer })
    device.pushErrorScope('out-of-memory')
    await vae.encode(image)
    parameters.destroy()
    await expectError(() => run.done, KernelError, 'kernel', 'destroyed')
    assert.is(await device.popErrorScope(), null)
    assert.is(await device.popErrorScope(), null)
    await assertNoScope(device)
  }))

/** Only the test's own three scopes are left. */
async function assertNoScope(device: GPUDevice): Promise<void> {
  device.pushErrorScope('validation')
  device.createBuffer({ size: 4, usage: 0 })
  assert.ok((await device.popErrorScope()) instanceof GPUValidationError)
}

/** A device of the test's own: errors outside of every scope would fail a shared one's test. */
async function onOwnDevice(body: (device: GPUDevice, vae: Vae, engine: Engine) => Promise<void>): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter()
  const device = await adapter!.requestDevice({ label: 'with uncaptured errors' })
  const engine = await createEngine({ device })
  try {
    await body(device, await engine.createVae(TINY), engine)
  } finally {
    engine.destroy()
    device.destroy()
  }
}

/** Makes WebGPU object outside of every scope. */
function provoke(device: GPUDevice): void {
  device.createBuffer({ label: 'provoked', size: 4, usage: 0 })
}

uncaptured('fail the run that is under way, with the words, and leave the caller’s handler alone', () =>
  onOwnDevice(async (device, vae) => {
    const heard: string[] = []
    const handler = (event: GPUUncapturedErrorEvent) => {
      event.preventDefault()
      heard.push(event.error.message)
    }
    device.onuncapturederror = handler
    const call = async () => {
      for await (const { step } of vae.train(data, { steps: 1_000_000, batchSize, optimizer })) {
        if (step === 20) provoke(device)
      }
    }
    const { message } = await expectError(call, KernelError, 'kernel', 'an error of the device')
    assert.is(device.onuncapturederror, handler)
    assert.is(heard.length, 1)
    assert.ok(message.endsWith(heard[0]), `${message} lacks the words: ${heard[0]}`)
    assert.ok((await vae.train(data, { steps: 3, batchSize, optimizer }).done).loss.total > 0)
  }))

uncaptured('are no longer listened to once the engine is destroyed', async () => {
  const adapter = await navigator.gpu.requestAdapter()
  const device = await adapter!.requestDevice()
  const listeners = new Set<unknown>()
  const { addEventListener, removeEventListener } = device
  device.addEventListener = (type: string, listener: EventListener) => {
    if (type === 'uncapturederror') listeners.add(listener)
    addEventListener.call(device, type, listener)
  }
  device.removeEventListener = (type: string, listener: EventListener) => {
    listeners.delete(listener)
    removeEventListener.call(device, type, listener)
  }
  const engine = await createEngine({ device })
  assert.is(listeners.size, 1)
  engine.destroy()
  assert.is(listeners.size, 0)
  device.destroy()
})

refused.run()
uncaptured.run()
