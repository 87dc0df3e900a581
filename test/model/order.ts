// Submissions are reported in order, whatever order their buffers map in.
import * as assert from 'uvu/assert'
import { adam, dataset, NumericError, sgd, take, type Engine, type TrainEvent, type TrainOptions, type Vae } from '../../src/index.js'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError, rejection } from '../support/errors.js'
import { withFailingMap, withShuffledMaps, type MapOrder } from '../support/map-order.js'

const shuffled = suite('maps out of order')
const lost = suite('a map that fails')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const batchSize = 8
const seeds = [1, 2, 3]

const create = (engine: Engine): Promise<Vae> => engine.createVae(TINY, { seed: 3 })

async function stepOf(vae: Vae): Promise<number> {
  return JSON.parse(readSafetensors(await vae.save()).metadata['elbo.training']).step
}

/** Everything that a run tells, but how fast it was. */
async function lossesOf(vae: Vae, options: Partial<TrainOptions>): Promise<Omit<TrainEvent, 'imagesPerSecond'>[]> {
  const seen = []
  for await (const { imagesPerSecond: _, ...event } of vae.train(data, { batchSize, ...options })) seen.push(event)
  return seen
}

/** Fails where no map overtook another: such a test would show nothing. */
function expectOvertaken({ overtaken }: MapOrder): void {
  assert.ok(overtaken > 0, 'no map resolved before an earlier one')
}

gpuTest(shuffled, 'leave a run’s events, parameters and saved step as they are', ({ device }) =>
  withEngine(device, async (engine) => {
    const options = { steps: 90, optimizer: adam({ learningRate: 0.05 }) }
    const whole = await create(engine)
    const expected = await lossesOf(whole, options)
    for (const seed of seeds) {
      const vae = await create(engine)
      const seen = await withShuffledMaps(seed, async (order) => {
        const events = await lossesOf(vae, { ...options, optimizer: adam({ learningRate: 0.05 }) })
        expectOvertaken(order)
        return events
      })
      assert.equal(seen, expected)
      assert.is(await stepOf(vae), 90)
      expectSameParameters(await vae.parameters(), await whole.parameters())
    }
  }))

gpuTest(shuffled, 'leave a run that is stopped and goes on as it is', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const seed of seeds) {
      const optimizer = adam({ learningRate: 0.05 })
      const vae = await create(engine)
      const last = await withShuffledMaps(seed, async () => {
        const run = vae.train(data, { epochs: 1000, batchSize, optimizer })
        for await (const { step } of run) if (step === 30) break
        return run.done
      })
      assert.is(await stepOf(vae), last.step)
      await vae.train(data, { steps: 200, batchSize, optimizer }).done
      const whole = await create(engine)
      await whole.train(data, { steps: last.step + 200, batchSize, optimizer: adam({ learningRate: 0.05 }) }).done
      expectSameParameters(await vae.parameters(), await whole.parameters())
    }
  }))

gpuTest(shuffled, 'leave the losses over a set as they are, to the bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const few = take(data, 3)
    const options = { batchSize: 1, importanceSamples: 200 }
    const expected = await vae.evaluate(few, options)
    for (const seed of seeds) {
      await withShuffledMaps(seed, async (order) => {
        assert.equal(await vae.evaluate(few, options), expected)
        expectOvertaken(order)
      })
    }
  }))

gpuTest(shuffled, 'leave the step that fails, and what the parameters have seen, as they are', ({ device }) =>
  withEngine(device, async (engine) => {
    const rate = { type: 'multi-step', value: 1e-3, factor: 1e30, milestones: [40] } as const
    const fails = async (seed?: number) => {
      const vae = await create(engine)
      const run = () => expectError(
        () => vae.train(data, { steps: 100, batchSize, optimizer: sgd({ learningRate: rate }), onNonFinite: 'stop' }).done,
        NumericError, 'numeric', 'finite at step',
      )
      const { message } = seed === undefined ? await run() : await withShuffledMaps(seed, run)
      const failed = Number(/at step (\d+)/.exec(message)![1])
      return { failed, step: await stepOf(vae), parameters: await vae.parameters() }
    }
    const expected = await fails()
    assert.is(expected.failed, 42) // step 41 takes the parameters to 1e27
    for (const seed of seeds) {
      const { failed, step, parameters } = await fails(seed)
      assert.equal([failed, step], [expected.failed, expected.failed - 1])
      expectSameParameters(parameters, expected.parameters)
    }
  }))

gpuTest(lost, 'ends the run; no submission after it is counted', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const broken = new Error('a map failed')
    const steps: number[] = []
    const run = async () => {
      for await (const { step } of vae.train(data, { steps: 500, batchSize, optimizer: adam() })) steps.push(step)
    }
    assert.is(await withFailingMap(5, broken, () => rejection(run)), broken)
    assert.ok(steps.length >= 5 && steps.length < 500, `${steps.length} steps were reported`)
    assert.equal(steps, Array.from(steps, (_, i) => i + 1))
    assert.is(await stepOf(vae), steps.length)
  }))

shuffled.run()
lost.run()
