import * as assert from 'uvu/assert'
import { createEngine, SpecError, UnsupportedError } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectError } from '../support/errors.js'

const test = suite('no WebGPU')

/** Runs the body while the browser offers this as `navigator.gpu`. */
async function withGpu(gpu: unknown, body: () => Promise<unknown>): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(navigator, 'gpu') // browsers have it on the prototype
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
  try {
    await body()
  } finally {
    if (own) Object.defineProperty(navigator, 'gpu', own)
    else Reflect.deleteProperty(navigator, 'gpu')
  }
}

const help = 'document' in globalThis ? ['Chrome', 'Firefox', 'Safari'] : ['createEngine({ device })', 'npm install webgpu', 'elbo/node']

test('whoever is without it is told what has it: which browsers, and what to install in another runtime', () =>
  withGpu(undefined, () => expectError(() => createEngine(), UnsupportedError, 'unsupported', 'no WebGPU', ...help)))

test('a page that is not secure is told to use https', async () => {
  Object.defineProperty(globalThis, 'isSecureContext', { value: false, configurable: true })
  try {
    await withGpu(undefined, () => expectError(() => createEngine(), UnsupportedError, 'unsupported', 'https', 'localhost'))
  } finally {
    Object.defineProperty(globalThis, 'isSecureContext', { value: true, configurable: true })
  }
})

test('a browser that gives no adapter is told what may be off', () =>
  withGpu({ requestAdapter: async () => null }, () =>
    expectError(() => createEngine(), UnsupportedError, 'unsupported', 'no adapter', 'driver', '--enable-unsafe-webgpu'),
  ))

test('an adapter that gives no device is quoted', async () => {
  const cause = new Error('too many devices')
  const adapter = {
    features: new Set(),
    limits: {},
    info: {},
    requestDevice: () => Promise.reject(cause),
  }
  await withGpu({ requestAdapter: async () => adapter }, async () => {
    const error = await expectError(() => createEngine(), UnsupportedError, 'unsupported', 'too many devices')
    assert.is(error.cause, cause)
  })
})

gpuTest(test, 'does not matter where a device is handed in', ({ device }) =>
  withGpu(undefined, async () => {
    const engine = await createEngine({ device })
    assert.is(engine.device, device)
    assert.is(engine.adapterInfo, device.adapterInfo)
    engine.destroy()
  }))

gpuTest(test, 'an engine asks for its own device where none is handed in, and ends it', async () => {
  const engine = await createEngine()
  assert.type(engine.isSoftware, 'boolean')
  assert.ok(engine.adapterInfo.vendor !== undefined)
  const { device } = engine
  engine.destroy()
  assert.is((await device.lost).reason, 'destroyed')
})

test('a gpu that is handed in is asked, and its device ends with the engine', async () => {
  const { gpu } = navigator
  await withGpu(undefined, async () => {
    const engine = await createEngine({ gpu, tuning: 'off' })
    engine.destroy()
    assert.is((await engine.device.lost).reason, 'destroyed')
    const empty = { requestAdapter: async () => null } as unknown as GPU
    await expectError(() => createEngine({ gpu: empty }), UnsupportedError, 'unsupported', 'createEngine.gpu', 'no adapter')
    const wrong = {} as GPU
    await expectError(() => createEngine({ gpu: wrong }), SpecError, 'spec', 'createEngine.gpu', 'requestAdapter')
  })
})

test.run()
