import * as assert from 'uvu/assert'
import {
  adam, createEngine, dataset, DeviceLostError, ElboError, UnsupportedError, type Engine, type EngineOptions, type Run,
  type TrainEvent, type Vae, type VaeSpec,
} from '../../src/index.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameBits } from '../support/bounds.js'
import { expectSameParameters, TINY } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const runs = suite('a run whose device is lost')
const models = suite('models whose device is lost')
const ends = suite('a device that is followed by no other')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const validation = dataset({ images: blobBytes(9, [4, 3, 1], 2), shape: [4, 3, 1] })
const image = new Float32Array(12).fill(0.5)
const batchSize = 8

/** Steps of a run that outlives several snapshots. Firefox tells of finished work every 100 ms. */
const LONG = /Firefox/.test(navigator.userAgent) ? 800 : 2000

const QUANTIZED: VaeSpec = {
  input: [4, 4, 1],
  encoder: [{ type: 'conv', filters: 4, kernel: 3, stride: 2, activation: 'relu' }],
  latent: { type: 'vector-quantized', codes: 6, size: 3, codebookUpdate: 'moving-average' },
  decoder: [{ type: 'conv-transpose', filters: 1, kernel: 3, stride: 2 }],
  likelihood: { type: 'bernoulli' },
}

/** An engine on a device that it got itself. */
async function withOwn(body: (engine: Engine) => Promise<void>, options: EngineOptions = {}): Promise<void> {
  const engine = await createEngine({ tuning: 'off', ...options })
  try {
    await body(engine)
  } finally {
    engine.destroy()
  }
}

/** The events of a run whose device is destroyed at some steps. */
async function interrupted<Event extends Pick<TrainEvent, 'type' | 'step'>>(
  engine: Engine,
  run: Run<Event>,
  at: readonly number[],
): Promise<Event[]> {
  const events: Event[] = []
  const left = [...at]
  for await (const event of run) {
    events.push(event)
    if (event.type === 'recovered' || event.step !== left[0]) continue
    left.shift()
    engine.device.destroy()
  }
  return events
}

const stepsOf = <Event extends Pick<TrainEvent, 'type'>>(events: readonly Event[]) => events.filter(({ type }) => type === 'step')
const lossesOf = (events: readonly TrainEvent[]) => stepsOf(events).map(({ step, epoch, loss }) => [step, epoch, loss])

runs('goes on on the next one, tells every step once, and ends with the bits of one that was not', () =>
  withOwn(async (engine) => {
    const options = { steps: LONG, batchSize, optimizer: adam({ learningRate: 0.01 }) }
    const whole = await engine.createVae(TINY, { seed: 1 })
    const expected = await interrupted(engine, whole.train(data, options), [])
    const vae = await engine.createVae(TINY, { seed: 1 })
    const first = engine.device
    const events = await interrupted(engine, vae.train(data, options), [1, 0.2 * LONG, 0.4 * LONG])
    assert.is.not(engine.device, first)
    const recovered = events.filter(({ type }) => type === 'recovered')
    assert.is(recovered.length, 3)
    for (const { step, lostSteps } of recovered) assert.ok(lostSteps! >= 0 && lostSteps! <= step, `${lostSteps} of ${step}`)
    assert.equal(lossesOf(events), lossesOf(expected))
    expectSameParameters(await vae.parameters(), await whole.parameters())
    assert.equal(await vae.save(), await whole.save())
  }))

runs('of a prior over codes goes on, and so does the model that it belongs to', () =>
  withOwn(async (engine) => {
    const images = dataset({ images: blobBytes(40, [4, 4, 1], 3), shape: [4, 4, 1] })
    const train = async (at: number[]) => {
      const vae = await engine.createVae(QUANTIZED, { seed: 2 })
      await vae.train(images, { steps: 3, batchSize }).done
      const network = { layers: 2, channels: 4 }
      const events = await interrupted(engine, vae.trainPrior(images, { steps: 60, batchSize, network }), at)
      const told = stepsOf(events).map(({ step, loss }) => [step, loss.total])
      return { told, file: await vae.save(), samples: await vae.sample(3, { seed: 1 }) }
    }
    const whole = await train([])
    assert.equal(await train([1, 40]), whole)
  }))

runs('goes on with validation, checkpoints and a code book of moving averages', () =>
  withOwn(async (engine) => {
    const images = (count: number, seed: number) =>
      dataset({ images: blobBytes(count, [4, 4, 1], seed), shape: [4, 4, 1] })
    const train = async (at: number[]) => {
      const saved: Uint8Array[] = []
      const checkpoint = { everySteps: 30, save: (file: Uint8Array) => void saved.push(file) }
      const vae = await engine.createVae(QUANTIZED, { seed: 2 })
      const run = vae.train(images(40, 3), { steps: 120, batchSize, checkpoint, validation: images(10, 4) })
      const events = await interrupted(engine, run, at)
      // Codes are counted as of the last submission that has arrived, which is exact at the end of an epoch only.
      const told = stepsOf(events).map(({ imagesPerSecond, perplexity, ...event }) => {
        return event.epochEnd ? { ...event, perplexity } : { ...event, codesUsed: 0 }
      })
      return { told, saved, file: await vae.save() }
    }
    const whole = await train([])
    for (const at of [[5], [10, 30], [59, 61, 119]]) {
      const again = await train(at)
      again.told.forEach((event, i) => assert.equal(event, whole.told[i], `lost at ${at}`))
      assert.is(again.told.length, whole.told.length)
      assert.equal(again.saved, whole.saved, `lost at ${at}`)
      assert.equal(again.file, whole.file, `lost at ${at}`)
    }
  }))

runs('that nobody reads goes on too, and a paused one', () =>
  withOwn(async (engine) => {
    const train = async (disturb: (run: Run) => Promise<void>) => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const run = vae.train(data, { steps: LONG, batchSize })
      await disturb(run)
      assert.is((await run.done).step, LONG)
      return vae.parameters()
    }
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    const whole = await train(async () => {})
    const unread = await train(async () => {
      await wait(50)
      engine.device.destroy()
    })
    expectSameParameters(unread, whole)
    const paused = await train(async (run) => {
      await wait(30)
      run.pause()
      await wait(30)
      engine.device.destroy()
      await wait(300)
      run.resume()
    })
    expectSameParameters(paused, whole)
  }))

runs('heeds a stop and an abort while it waits for the next one', () =>
  withOwn(async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const run = vae.train(data, { steps: 1_000_000, batchSize })
    for await (const { step } of run) {
      if (step < 20) continue
      engine.device.destroy()
      break // stops
    }
    const last = await run.done
    assert.is(vae.progress?.step, last.step)

    const abort = new AbortController()
    const aborted = vae.train(data, { steps: 1_000_000, batchSize, signal: abort.signal })
    const reason = new Error('enough')
    setTimeout(() => {
      engine.device.destroy()
      setTimeout(() => abort.abort(reason), 5)
    }, 50)
    await aborted.done.then(
      () => assert.unreachable(),
      (error) => assert.is(error, reason),
    )
    assert.is((await vae.train(data, { steps: 1, batchSize }).done).type, 'step')
  }))

models('hold what they held: created, loaded, trained or set', () =>
  withOwn(async (engine) => {
    const created = await engine.createVae(TINY, { seed: 1 })
    const trained = await engine.createVae(TINY, { seed: 2 })
    await trained.train(data, { steps: 20, batchSize, optimizer: adam({ learningRate: 0.01 }) }).done
    const loaded = await engine.load(await trained.save())
    const set = await engine.createVae(TINY, { seed: 3 })
    const bias = { shape: [5], data: Float32Array.from([1, 2, 3, 4, 5]) }
    await set.setParameters({ 'encoder.0.bias': bias })
    bias.data.fill(9)
    await trained.setParameters({ 'encoder.0.bias': { shape: [5], data: new Float32Array(5).fill(0.25) } })
    const all = [created, trained, loaded, set]
    const before = await Promise.all(all.map((vae) => vae.save()))
    const codes = await created.encode(image)
    for (let round = 0; round < 2; round++) {
      engine.device.destroy()
      expectSameBits((await created.encode(image)).mean.data, codes.mean.data, 'mean')
      assert.equal(await Promise.all(all.map((vae) => vae.save())), before)
    }
    const options = { steps: 20, batchSize, optimizer: loaded.optimizer }
    await trained.setParameters(await loaded.parameters())
    await Promise.all([loaded, trained].map((vae) => vae.train(data, options).done))
    expectSameParameters(await loaded.parameters(), await trained.parameters())
  }))

models('answer calls that were under way', () =>
  withOwn(async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const ask = () => Promise.all([
      vae.encode(image),
      vae.sample(500),
      vae.evaluate(data, { batchSize: 1 }),
      vae.parameters(),
      vae.save(),
      vae.gradients({ images: image }),
    ])
    const before = await ask()
    const asking = ask()
    engine.device.destroy()
    const another = engine.createVae(TINY, { seed: 1 })
    assert.equal(await asking, before)
    expectSameParameters(await (await another).parameters(), await vae.parameters())
  }))

models('tell what single steps were lost, once, and go on from before them', () =>
  withOwn(async (engine) => {
    const optimizer = adam({ learningRate: 0.01 })
    const vae = await engine.createVae(TINY, { seed: 1 })
    const step = () => vae.step({ images: image }, optimizer)
    for (let i = 0; i < 10; i++) await step()
    engine.device.destroy()
    const error = await expectError(step, ElboError, 'steps-lost', 'after step')
    const at = Number(/after step (\d+)/.exec(error.message)![1])
    assert.is(vae.progress?.step, at)
    assert.match(error.message, `last ${10 - at} steps`)
    while (vae.progress!.step < 10) await step()
    const whole = await engine.createVae(TINY, { seed: 1 })
    for (let i = 0; i < 10; i++) await whole.step({ images: image }, adam({ learningRate: 0.01 }))
    expectSameParameters(await vae.parameters(), await whole.parameters())
  }))

models('make a single step again that was under way', () =>
  withOwn(async (engine) => {
    const [whole, vae] = await Promise.all([1, 1].map((seed) => engine.createVae(TINY, { seed })))
    const step = (of: Vae) => of.step({ images: image }, adam({ learningRate: 0.01 }))
    const expected = [await step(whole), await step(whole)]
    const parameters = await whole.parameters()
    const first = await step(vae)
    await vae.parameters() // after which the copy on the host is there
    const { device } = engine
    const submit = device.queue.submit.bind(device.queue)
    device.queue.submit = (buffers) => {
      submit(buffers)
      queueMicrotask(() => device.destroy()) // once the result is asked for, which wgpu still gives
    }
    assert.equal([first, await step(vae)], expected)
    assert.is.not(engine.device, device)
    assert.is(vae.progress?.step, 2)
    expectSameParameters(await vae.parameters(), parameters)
  }))

models('live on the devices that a function gives', async () => {
  const devices: GPUDevice[] = []
  const device = async () => {
    const adapter = await navigator.gpu.requestAdapter()
    devices.push(await adapter!.requestDevice({ label: `the caller's ${devices.length}` }))
    return devices.at(-1)!
  }
  await withOwn(
    async (engine) => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const before = await vae.parameters()
      assert.is(engine.device, devices[0])
      devices[0].destroy()
      expectSameParameters(await vae.parameters(), before)
      assert.is(engine.device, devices[1])
    },
    { device },
  )
  assert.is(devices.length, 2)
  assert.is(await Promise.race([devices[1].lost, new Promise((resolve) => setTimeout(resolve, 50, 'alive'))]), 'alive')
  devices[1].destroy()
})

/** Runs the body while the browser's adapters are what `answer` says, undefined for what it gives itself. */
async function withAdapters(
  answer: (call: number) => GPUAdapter | null | undefined,
  body: (calls: number[]) => Promise<void>,
): Promise<void> {
  const { requestAdapter } = GPU.prototype
  const calls: number[] = []
  GPU.prototype.requestAdapter = async function (this: GPU, options) {
    calls.push(performance.now())
    const given = answer(calls.length)
    return given === undefined ? requestAdapter.call(this, options) : given
  }
  try {
    await body(calls)
  } finally {
    GPU.prototype.requestAdapter = requestAdapter
  }
}

models('wait for the next one, longer and longer', () =>
  withOwn(async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const before = await vae.parameters()
    await withAdapters(
      (call) => (call <= 4 ? null : undefined),
      async (calls) => {
        engine.device.destroy()
        expectSameParameters(await vae.parameters(), before)
        const waits = calls.slice(1).map((atMs, i) => atMs - calls[i])
        assert.is(waits.length, 4)
        waits.forEach((wait, i) => assert.ok(wait >= 95 * 2 ** i, `${waits}`))
      },
    )
  }))

ends('says reload or restart, in runs, calls, and later engines', async () => {
  await withOwn(
    async (engine) => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const idle = await engine.createVae(TINY, { seed: 1 })
      const run = vae.train(data, { steps: 1_000_000, batchSize })
      await withAdapters(() => null, async () => {
        setTimeout(() => engine.device.destroy(), 50)
        const reload = ['reload the page, or restart the browser'] as const
        const error = await expectError(() => run.done, DeviceLostError, 'device-lost', ...reload)
        assert.not.match(error.message, 'driver')
        assert.is(await engine.lost, error)
        await expectError(() => idle.encode(image), DeviceLostError, 'device-lost', ...reload)
        await expectError(() => engine.createVae(TINY), DeviceLostError, 'device-lost', ...reload)
        const none = await expectError(() => createEngine(), UnsupportedError, 'unsupported', ...reload)
        assert.not.match(none.message, 'driver')
      })
    },
    { recoverySeconds: 1 },
  )
})

ends('ends a run that loses one after another at the same step', async () => {
  let given = 0
  const device = async () => {
    const adapter = await navigator.gpu.requestAdapter()
    const made = await adapter!.requestDevice({ label: 'short-lived' })
    if (++given > 1) made.destroy() // so that no step is made on any but the first
    return made
  }
  await withOwn(
    async (engine) => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const run = vae.train(data, { steps: 1_000_000, batchSize })
      setTimeout(() => engine.device.destroy(), 50)
      await expectError(() => run.done, DeviceLostError, 'device-lost', 'destroyed')
    },
    { device },
  )
  assert.ok(given >= 3 && given <= 12, `${given} devices`)
})

ends('is one that the engine destroys itself, or that was given, or is not to be followed', async () => {
  const engine = await createEngine({ tuning: 'off' })
  const vae = await engine.createVae(TINY, { seed: 1 })
  const run = vae.train(data, { steps: 1_000_000, batchSize })
  setTimeout(() => engine.destroy(), 50)
  await expectError(() => run.done, ElboError, 'destroyed')
  assert.instance(await engine.lost, DeviceLostError)
  const adapter = await navigator.gpu.requestAdapter()
  const choices = [{ device: await adapter!.requestDevice() }, { recoverySeconds: 0 }]
  for (const options of choices) {
    await withOwn(async (own) => {
      const model: Vae = await own.createVae(TINY, { seed: 1 })
      own.device.destroy()
      await expectError(() => model.encode(image), DeviceLostError, 'device-lost', 'new engine')
    }, options)
  }
})

ends('leaves a model that is destroyed meanwhile as it should be', () =>
  withOwn(async (engine) => {
    const [vae, other] = [await engine.createVae(TINY, { seed: 1 }), await engine.createVae(TINY, { seed: 1 })]
    const run = vae.train(data, { steps: 1_000_000, batchSize, validation })
    await withAdapters((call) => (call <= 3 ? null : undefined), async () => {
      setTimeout(() => engine.device.destroy(), 50)
      setTimeout(() => vae.destroy(), 150)
      await expectError(() => run.done, ElboError, 'destroyed')
      assert.is((await other.encode(image)).mean.data.length, 2)
    })
  }))

runs.run()
models.run()
ends.run()
