import * as assert from 'uvu/assert'
import { adam, dataset, type Engine, type TrainEvent, type TrainOptions, type Vae } from '../../src/index.js'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { rejection } from '../support/errors.js'

const events = suite('events')
const control = suite('control')

/** Epochs of 8, 8, 8 and 5 images. */
const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const batchSize = 8

const create = (engine: Engine): Promise<Vae> => engine.createVae(TINY, { seed: 3 })

async function collect(vae: Vae, options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const seen = []
  for await (const event of vae.train(data, { batchSize, ...options })) seen.push(event)
  return seen
}

/** The parameters after so many steps in one run. */
async function after(engine: Engine, steps: number) {
  const vae = await create(engine)
  await vae.train(data, { steps, batchSize, optimizer: adam() }).done
  return vae.parameters()
}

async function stepOf(vae: Vae): Promise<number> {
  return JSON.parse(readSafetensors(await vae.save()).metadata['elbo.training']).step
}

/** The step at which a run that was paused holds, once what was under way is done. */
async function heldStep(vae: Vae): Promise<number> {
  for (let last = -1; ; await sleep(150)) {
    const step = await stepOf(vae)
    if (step === last) return step
    last = step
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

gpuTest(events, 'count steps from 1 and epochs from 1, and end with the run', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const run = vae.train(data, { steps: 10, batchSize })
    const seen: TrainEvent[] = []
    for await (const event of run) seen.push(event)
    assert.equal(seen.map(({ step }) => step), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert.equal(seen.map(({ epoch }) => epoch), [1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    assert.equal(seen.filter(({ epochEnd }) => epochEnd).map(({ step }) => step), [4, 8])
    assert.ok(seen.every(({ totalSteps }) => totalSteps === 10))
    assert.ok(seen.every(({ imagesPerSecond }) => imagesPerSecond > 0 && imagesPerSecond < Infinity))
    assert.ok(seen.every(({ loss }) => loss.total === loss.reconstruction + loss.kl && loss.total > 0))
    assert.ok(seen.every((event) => !('validation' in event)))
    assert.is(await run.done, seen.at(-1))
  }))

gpuTest(events, 'average the losses between them over images when asked for less often', ({ device }) =>
  withEngine(device, async (engine) => {
    const every = await collect(await create(engine), { steps: 10 })
    const some = await collect(await create(engine), { steps: 10, reportEvery: 3 })
    assert.equal(some.map(({ step }) => step), [3, 4, 6, 8, 9, 10]) // the ends of epochs too
    some.forEach(({ step, loss }, i) => {
      const covered = every.slice(some[i - 1]?.step ?? 0, step)
      const sizes = covered.map((event) => (event.epochEnd ? 5 : 8))
      const images = sizes.reduce((sum, size) => sum + size, 0)
      for (const part of ['total', 'reconstruction', 'kl'] as const) {
        const mean = covered.reduce((sum, event, j) => sum + event.loss[part] * sizes[j], 0) / images
        // means of float64 numbers, taken in another order
        assert.ok(Math.abs(loss[part] - mean) < 1e-12 * loss.total, `${part} at ${step} is ${loss[part]}, expected ${mean}`)
      }
    })
  }))

gpuTest(events, 'wait for a slow reader, and none is lost', ({ device }) =>
  withEngine(device, async (engine) => {
    const steps: number[] = []
    for await (const { step } of (await create(engine)).train(data, { steps: 2500, batchSize })) {
      if (step === 1) await sleep(400)
      steps.push(step)
    }
    assert.equal(steps, Array.from({ length: 2500 }, (_, i) => i + 1))
  }))

gpuTest(control, 'a paused run does no step, and goes on as if it had not been', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const run = vae.train(data, { steps: 900, batchSize, optimizer: adam() })
    assert.is(run.paused, false)
    const seen = run[Symbol.asyncIterator]()
    for (let step = 0; step < 10; step++) await seen.next()
    run.pause()
    assert.is(run.paused, true)
    const paused = await heldStep(vae)
    assert.ok(paused < 900, 'the run was over before it could be paused')
    await sleep(100)
    assert.is(await stepOf(vae), paused)
    run.resume()
    assert.is((await run.done).step, 900)
    expectSameParameters(await vae.parameters(), await after(engine, 900))
  }))

gpuTest(control, 'a run that is paused, resumed and stopped has done what one of as many steps does', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer: adam() })
    const seen = run[Symbol.asyncIterator]()
    for (let step = 1; step <= 5; step++) assert.is((await seen.next()).value!.step, step)
    run.pause()
    const paused = await heldStep(vae)
    await sleep(100)
    assert.is(await stepOf(vae), paused)
    run.resume()
    for (let step = 6; step <= paused + 1; step++) assert.is((await seen.next()).value!.step, step)
    const { step } = await run.stop()
    assert.ok(step > paused && step < 4000, `stopped after ${step} steps, paused after ${paused}`)
    assert.is(await stepOf(vae), step)
    expectSameParameters(await vae.parameters(), await after(engine, step))
  }))

gpuTest(control, 'a run paused at once starts when resumed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const run = vae.train(data, { steps: 5, batchSize })
    run.pause()
    await sleep(50)
    assert.is(await stepOf(vae), 0)
    run.resume()
    assert.is((await run.done).step, 5)
  }))

gpuTest(control, 'stop ends a run, a paused one too, with at least one step', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const optimizer = adam()
    const first = await vae.train(data, { epochs: 1000, batchSize, optimizer }).stop()
    assert.ok(first.step >= 1 && first.step < 4000)
    expectSameParameters(await vae.parameters(), await after(engine, first.step))

    const run = vae.train(data, { epochs: 1000, batchSize, optimizer })
    run.pause()
    await sleep(20)
    const second = await run.stop()
    assert.ok(second.step > first.step && second.step < 4000)
    assert.is(await run.stop(), second)
    expectSameParameters(await vae.parameters(), await after(engine, second.step))
  }))

gpuTest(control, 'leaving the loop stops the run', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const optimizer = adam()
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer })
    for await (const { step } of run) if (step === 3) break
    const { step } = await run.done
    assert.ok(step >= 3 && step < 4000)
    assert.is(await stepOf(vae), step)
    assert.is((await vae.train(data, { steps: 2, batchSize, optimizer }).done).step, step + 2)
  }))

gpuTest(control, 'an abort signal rejects with its reason, and what was learned stays', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const optimizer = adam()
    const reason = new Error('enough')
    const controller = new AbortController()
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer, signal: controller.signal })
    const loop = rejection(async () => {
      for await (const { step } of run) if (step === 5) controller.abort(reason)
    })
    assert.is(await loop, reason)
    assert.is(await rejection(() => run.done), reason)
    const step = await stepOf(vae)
    assert.ok(step >= 5 && step < 4000)
    expectSameParameters(await vae.parameters(), await after(engine, step))
    await vae.train(data, { steps: 4, batchSize, optimizer }).done
    expectSameParameters(await vae.parameters(), await after(engine, step + 4))
  }))

gpuTest(control, 'an abort wakes a paused run; a signal aborted before lets none start', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const before = await vae.parameters()
    const late = new AbortController()
    const run = vae.train(data, { epochs: 1, batchSize, signal: late.signal })
    run.pause()
    await sleep(20)
    late.abort()
    assert.is((await rejection(() => run.done) as Error).name, 'AbortError')
    const early = AbortSignal.abort('not now')
    assert.is(await rejection(() => vae.train(data, { epochs: 1, batchSize, signal: early }).done), 'not now')
    expectSameParameters(await vae.parameters(), before)
    await vae.train(data, { epochs: 1, batchSize }).done
  }))

gpuTest(control, 'an error in a checkpoint ends the run with it, after whole steps', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const full = new Error('disk full')
    const save = () => Promise.reject(full)
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer: adam(), checkpoint: { everySteps: 6, save } })
    assert.is(await rejection(() => run.done), full)
    assert.is(await stepOf(vae), 6)
    expectSameParameters(await vae.parameters(), await after(engine, 6))
  }))

gpuTest(control, 'a run that nobody looks at trains all the same', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    vae.train(data, { steps: 5, batchSize, optimizer: adam() })
    for (let i = 0; i < 100 && (await stepOf(vae)) < 5; i++) await sleep(20)
    expectSameParameters(await vae.parameters(), await after(engine, 5))
  }))

gpuTest(control, 'checkpoints every so many seconds go to a store, and to the caller', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const [stored, given]: Uint8Array[][] = [[], []]
    const store = { save: async (file: Uint8Array) => void stored.push(file), load: async () => stored.at(-1) }
    const save = (file: Uint8Array) => void given.push(file)
    const run = vae.train(data, { steps: 1_000_000, batchSize, checkpoint: { everySeconds: 0.05, store, save } })
    for await (const { step } of run) if (stored.length > 1 && step > 0) break // stops
    await run.done
    assert.equal(stored, given)
    const steps = stored.map((file) => JSON.parse(readSafetensors(file).metadata['elbo.training']).step)
    assert.ok(steps[0] > 0 && steps[1] > steps[0], `${steps}`)
    expectSameParameters(await (await engine.load(stored[0])).parameters(), await after(engine, steps[0]))
  }))

events.run()
control.run()
