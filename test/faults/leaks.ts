import * as assert from 'uvu/assert'
import { adam, createEngine, dataset, KernelError, SpecError, subset, type VaeSpec } from '../../src/index.js'
import { GpuClock } from '../../src/device/clock.js'
import { acquireDevice } from '../../src/device/device.js'
import { IdleCache } from '../../src/device/memory.js'
import { Engine } from '../../src/engine.js'
import { pipelinesOf } from '../../src/kernels/pipelines.js'
import { Readback } from '../../src/schedule/readback.js'
import { StepUniform } from '../../src/schedule/step.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { countObjects, countsOf } from '../support/counting.js'
import { TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { watchBuffers } from '../support/gpu-faults.js'
import { heapBytes, heapTest } from '../support/heap.js'

const models = suite('models')
const sets = suite('data sets')
const programs = suite('programs')
const failures = suite('failed creations')

const data = dataset({ images: blobBytes(120, [4, 3, 1], 1), shape: [4, 3, 1], labels: new Uint8Array(120) })
const batchSize = 8

/** Buffers alive that `body` made. */
async function left(device: GPUDevice, body: () => Promise<unknown>): Promise<number> {
  const { buffers, destroyedBuffers } = await countsOf(device, async () => {
    await body()
    await new Promise((resolve) => setTimeout(resolve))
  })
  return buffers - destroyedBuffers
}

/** The labels of the buffers that `body` makes. */
async function labelsOf(device: GPUDevice, body: () => Promise<unknown>): Promise<string[]> {
  return (await watchBuffers(device, [], body)).map(({ label }) => label)
}

/** Creates and destroys models one after the other. */
async function come(engine: Engine, count: number): Promise<void> {
  for (let i = 0; i < count; i++) (await engine.createVae(TINY)).destroy()
}

gpuTest(models, 'that were destroyed leave no buffer', ({ device }) =>
  withEngine(device, async (engine) => {
    await come(engine, 2)
    assert.is(await left(device, () => come(engine, 100)), 0)
  }))

heapTest(models, 'that were destroyed leave less than 1 kB of heap each', ({ device }) =>
  withEngine(device, async (engine) => {
    await come(engine, 20)
    const before = heapBytes()
    await come(engine, 100)
    const grown = heapBytes() - before
    assert.ok(grown < 100 * 1024, `the heap grew by ${grown} bytes`)
  }))

gpuTest(models, 'free their prior, and one whose network another takes the place of', async ({ device }) => {
  const spec: VaeSpec = {
    ...TINY,
    encoder: [{ type: 'conv', filters: 2, kernel: 1 }],
    latent: { type: 'vector-quantized', codes: 3, size: 2 },
    decoder: [{ type: 'conv', filters: 1, kernel: 1 }],
  }
  let file: Uint8Array | undefined
  const ofAll = await left(device, async () => {
    const engine = await createEngine({ device })
    const vae = await engine.createVae(spec)
    const training = { steps: 2, batchSize, validation: subset(data, 0, 9) }
    for (const layers of [1, 2]) await vae.trainPrior(data, { ...training, network: { layers, channels: 4 } }).done
    file = await vae.save()
    engine.destroy()
  })
  assert.is(ofAll, 0)
  await withEngine(device, async (engine) => {
    const use = async () => {
      const vae = await engine.load(file!)
      await vae.sample(3)
      vae.destroy()
    }
    await use() // which leaves what the engine reads back by
    assert.is(await left(device, use), 0)
  })
})

gpuTest(sets, '100 views leave the last four of them, whose buffers end with the engine', async ({ device }) => {
  const engine = await createEngine({ device })
  const vae = await engine.createVae(TINY)
  await vae.evaluate(data, { batchSize })
  const evaluate = (start: number) => vae.evaluate(subset(data, start, start + 16), { batchSize })
  await evaluate(100) // a program for sets of that size
  const { counts, restore } = countObjects(device)
  for (let start = 0; start < 100; start++) await evaluate(start)
  const alive = counts.buffers - counts.destroyedBuffers
  engine.destroy()
  await new Promise((resolve) => setTimeout(resolve))
  restore()
  assert.is(alive, 2 * 4, `${alive} buffers are alive after 100 views`)
  assert.is(counts.destroyedBuffers, counts.buffers)
})

gpuTest(sets, 'are uploaded once for all models, calls and views of the same bytes', ({ device }) =>
  withEngine(device, async (engine) => {
    const [one, two] = [await engine.createVae(TINY), await engine.createVae(TINY)]
    const labels = await labelsOf(device, async () => {
      for (const vae of [one, two]) {
        await vae.train(subset(data, 5, 50), { steps: 2, batchSize }).done
        await vae.evaluate(subset(data, 5, 50))
      }
      one.destroy()
      await two.evaluate(subset(data, 5, 50))
      const run = two.train(subset(data, 5, 50), { steps: 2, batchSize })
      await Promise.all([two.evaluate(subset(data, 5, 50)), run.done])
    })
    assert.is(labels.filter((label) => label === 'images.0').length, 1)
    assert.is(labels.filter((label) => label === 'labels').length, 1)
  }))

gpuTest(sets, 'of other bytes, or of other labels, are sets of their own', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae({ ...TINY, classes: 2 })
    const relabelled = { ...data, labels: new Uint8Array(120).fill(1) }
    const losses = [await vae.evaluate(data), await vae.evaluate(relabelled), await vae.evaluate(data)]
    assert.is.not(losses[1].total, losses[0].total)
    assert.is(losses[2].total, losses[0].total)
  }))

gpuTest(programs, 'of optimisers that differ in their rates alone are one', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    await vae.train(data, { steps: 2, batchSize, optimizer: adam({ learningRate: 1e-3 }) }).done
    const labels = await labelsOf(device, async () => {
      for (const learningRate of [1e-4, 2e-4, { type: 'cosine' as const, value: 1e-3, steps: 9 }]) {
        await vae.train(data, { steps: 2, batchSize, optimizer: adam({ learningRate }) }).done
      }
    })
    const snapshots = ['m', 'parameters', 'v'].map((arena) => `snapshot of ${arena}`)
    assert.equal([...new Set(labels)].sort(), ['losses.readback', 'order', ...snapshots])
    const optimizer = adam({ beta1: 0.5 })
    const other = await labelsOf(device, () => vae.train(data, { steps: 2, batchSize, optimizer }).done)
    assert.ok(other.includes('params'), 'another constant of a kernel needs another program')
  }))

gpuTest(programs, 'that no call uses are bounded, and what is in use is not touched', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const run = vae.train(data, { steps: 1_000_000, batchSize })
    const sizes = Array.from({ length: 40 }, (_, i) => i + 1)
    const batches = async () => {
      for (const rows of sizes) await vae.gradients({ images: new Float32Array(12 * rows).fill(0.5) })
    }
    const { counts, restore } = countObjects(device)
    await batches()
    const once = counts.buffers - counts.destroyedBuffers
    await batches()
    const twice = counts.buffers - counts.destroyedBuffers
    restore()
    assert.is(twice, once, `${once} buffers were alive after 40 sizes, ${twice} after 80`)
    assert.ok(counts.destroyedBuffers > 0)
    assert.ok((await run.stop()).loss.total > 0)
  }))

programs('idle ones are freed by bytes, the longest unused first', () => {
  const gone: string[] = []
  const idle = new IdleCache(100, 9)
  const item = (name: string, sizeBytes: number) => ({ sizeBytes, destroy: () => void gone.push(name) })
  const [a, b, c, d] = [item('a', 40), item('b', 40), item('c', 40), item('d', 101)]
  idle.keep(a)
  idle.keep(b)
  idle.take(a)
  idle.keep(a)
  idle.keep(c)
  assert.equal(gone, ['b'])
  idle.take(a)
  idle.keep(d)
  assert.equal(gone, ['b', 'c', 'd'])
  assert.is(idle.clear(), false)
})

failures('of a pipeline free the activations, and are not remembered', async () => {
  const owner = await createEngine()
  const { device } = owner // on which nothing has been compiled
  await withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const { createComputePipelineAsync } = device
    const calls = {
      train: () => vae.train(data, { steps: 1, batchSize }).done,
      decode: () => vae.decode(new Float32Array(2)),
    }
    for (const [name, call] of Object.entries(calls)) {
      device.createComputePipelineAsync = () => {
        device.createComputePipelineAsync = createComputePipelineAsync // the others compile
        return Promise.reject(new GPUPipelineError('out of breath', { reason: 'validation' }))
      }
      const alive = await left(device, () => expectError(call, KernelError, 'kernel', 'out of breath'))
      device.createComputePipelineAsync = createComputePipelineAsync
      assert.ok(alive <= 5, `${name}: ${alive} buffers are alive`) // three arenas, and the set for its next use
      await call()
    }
  })
  owner.destroy()
})

failures('of an engine leave no device', async () => {
  const { requestAdapter } = navigator.gpu
  let asked = 0
  navigator.gpu.requestAdapter = (...options) => {
    asked++
    return requestAdapter.call(navigator.gpu, ...options)
  }
  const tuning = 'sometimes' as 'auto'
  await expectError(() => createEngine({ tuning }), SpecError, 'spec', 'tuning', 'sometimes')
  Reflect.deleteProperty(navigator.gpu, 'requestAdapter')
  assert.is(asked, 0)
})

gpuTest(failures, 'an engine frees the clock that it times kernels with', async ({ device }) => {
  const alive = await left(device, async () => {
    const engine = new Engine({
      ...(await acquireDevice({ device })),
      pipelines: pipelinesOf(device),
      uniform: new StepUniform(device),
      readback: new Readback(device),
      clock: new GpuClock(device),
    })
    engine.destroy()
  })
  assert.is(alive, 0)
}, { features: ['timestamp-query'] })

models.run()
sets.run()
programs.run()
failures.run()
