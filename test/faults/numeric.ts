import * as assert from 'uvu/assert'
import { adam, dataset, NumericError, rmsprop, sgd, type Engine, type Optimizer, type Tensor } from '../../src/index.js'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const exploding = suite('a learning rate that explodes')
const overflowing = suite('a gradient that overflows')
const restored = suite('a run that ends with numbers that are not finite')
const files = suite('saved files and checkpoints')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const images = new Float32Array(36).fill(0.5)
const batchSize = 8

const optimizers: [name: string, make: (learningRate: number) => Optimizer][] = [
  ['Adam', (learningRate) => adam({ learningRate })],
  ['RMSprop with momentum', (learningRate) => rmsprop({ learningRate, momentum: 0.9 })],
  ['SGD with momentum', (learningRate) => sgd({ learningRate, momentum: 0.9 })],
]

async function stepOf(vae: { save(): Promise<Uint8Array> }): Promise<number> {
  return JSON.parse(readSafetensors(await vae.save()).metadata['elbo.training']).step
}

function expectFinite(parameters: Record<string, Tensor>): void {
  for (const [name, { data }] of Object.entries(parameters)) {
    const bad = data.findIndex((value) => !Number.isFinite(value))
    assert.is(bad, -1, `${name}[${bad}] is ${data[bad]}`)
  }
}

for (const [name, make] of optimizers) {
  gpuTest(exploding, `ends the run with the parameters from before the bad step, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const optimizer = make(3e4)
      const vae = await engine.createVae(TINY, { seed: 1 })
      const run = vae.train(data, { epochs: 10_000, batchSize, optimizer, onNonFinite: 'stop' })
      const error = await expectError(() => run.done, NumericError, 'numeric', 'finite at step', 'smaller learning rate')
      const failed = Number(/at step (\d+)/.exec(error.message)![1])
      assert.is(await stepOf(vae), failed - 1)
      const parameters = await vae.parameters()
      expectFinite(parameters)
      const stopped = await engine.createVae(TINY, { seed: 1 })
      if (failed > 1) await stopped.train(data, { steps: failed - 1, batchSize, optimizer: make(3e4) }).done
      expectSameParameters(parameters, await stopped.parameters())

      // The same step fails again; from good parameters training goes on.
      const again = vae.train(data, { steps: 5, batchSize, optimizer, onNonFinite: 'stop' })
      await expectError(() => again.done, NumericError, 'numeric', `at step ${failed}`)
      expectSameParameters(await vae.parameters(), parameters)
      await vae.setParameters(await (await engine.createVae(TINY, { seed: 2 })).parameters())
      const { loss } = await vae.train(data, { epochs: 2, batchSize, optimizer: adam() }).done
      assert.ok(Number.isFinite(loss.total))
    }))
}

gpuTest(exploding, 'ends single steps in the same way', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const optimizer = sgd({ learningRate: 1e20 })
    let before = await vae.parameters()
    let steps = 0
    const error = await expectError(
      async () => {
        for (; steps < 50; steps++) {
          before = await vae.parameters()
          await vae.step({ images }, optimizer)
        }
      },
      NumericError,
      'numeric',
      'not finite',
      'unchanged',
    )
    assert.ok(error instanceof NumericError)
    const after = await vae.parameters()
    expectFinite(after)
    expectSameParameters(after, before)
    assert.is(await stepOf(vae), steps)
  }))

/**
 * A model with a finite loss, whose gradient of the encoder's weights is beyond float32: tiny features, the head's weights
 * enormous, so that the mean is still ordinary.
 */
async function overflowingModel(engine: Engine) {
  const vae = await engine.createVae({ ...TINY, encoder: [{ type: 'dense', units: 5 }] }, { seed: 1 })
  const { 'encoder.0.weight': first, 'latent.mean.weight': head } = await vae.parameters()
  await vae.setParameters({
    'encoder.0.weight': { ...first, data: first.data.map((value) => 1e-37 * value) },
    'latent.mean.weight': { ...head, data: head.data.fill(3e38) },
  })
  return vae
}

gpuTest(overflowing, 'is reported by gradients, and no update is made by a step', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await overflowingModel(engine)
    const before = await vae.parameters()
    const { total } = await vae.evaluate(data)
    assert.ok(Number.isFinite(total), 'the loss itself should be finite here')
    await expectError(() => vae.gradients({ images }), NumericError, 'numeric', 'gradient', 'not finite')
    for (const [, make] of optimizers) {
      await expectError(() => vae.step({ images }, make(1e-3)), NumericError, 'numeric', 'gradient', 'unchanged')
      expectSameParameters(await vae.parameters(), before)
    }
  }))

gpuTest(overflowing, 'ends a run at its step, with the parameters from before', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const [, make] of optimizers) {
      const vae = await overflowingModel(engine)
      const before = await vae.parameters()
      const run = vae.train(data, { steps: 300, batchSize, optimizer: make(1e-3), onNonFinite: 'stop' })
      await expectError(() => run.done, NumericError, 'numeric', 'gradient', 'at step 1 ')
      expectSameParameters(await vae.parameters(), before)
      assert.is(await stepOf(vae), 0)
    }
  }))

gpuTest(overflowing, 'in the middle of a submission ends the run at its step too', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = sgd({ learningRate: 1e-3 })
    const vae = await engine.createVae(TINY, { seed: 1 })
    // From step 601 on the KL's gradient is beyond float32; by then a submission holds many steps.
    const klWeight = { type: 'step', value: 1, factor: 3e38, every: 600 } as const
    const run = vae.train(data, { steps: 1200, batchSize, optimizer, klWeight, onNonFinite: 'stop' })
    await expectError(() => run.done, NumericError, 'numeric', 'gradient', 'at step 601 ')
    assert.is(await stepOf(vae), 600)
    const stopped = await engine.createVae(TINY, { seed: 1 })
    await stopped.train(data, { steps: 600, batchSize, optimizer: sgd({ learningRate: 1e-3 }) }).done
    expectSameParameters(await vae.parameters(), await stopped.parameters())
  }))

/** The largest absolute value of a model's parameters. */
function largest(parameters: Record<string, Tensor>): number {
  const values = Object.values(parameters).flatMap((tensor) => [...tensor.data])
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

for (const [name, make] of [...optimizers, ['RMSprop', (learningRate: number) => rmsprop({ learningRate })] as const]) {
  gpuTest(restored, `after a learning rate of 1e6 a run goes on at 1e-3, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      for (const seed of [1, 2]) {
        const vae = await engine.createVae(TINY, { seed })
        const before = (await vae.train(data, { epochs: 5, batchSize, optimizer: make(1e-3) }).done).loss.total
        const from = vae.progress!.step
        const run = vae.train(data, { epochs: 10_000, batchSize, optimizer: make(1e6) })
        const error = await expectError(() => run.done, NumericError, 'numeric', 'finite at step', 'is back to what it was')
        const at = Number(/after step (\d+)/.exec(error.message)![1])
        assert.is(vae.progress!.step, at)
        assert.ok(at >= from && at <= Number(/at step (\d+)/.exec(error.message)![1]), error.message)
        assert.ok(largest(await vae.parameters()) < 100, `${largest(await vae.parameters())} after ${error.message}`)
        assert.is(await stepOf(vae), at)
        const { loss } = await vae.train(data, { epochs: 5, batchSize, optimizer: make(1e-3) }).done
        assert.ok(loss.total < 2 * before, `${loss.total} after ${before}`)
      }
    }))
}

gpuTest(restored, 'goes back to a later state than the first, once that has proved itself', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const run = vae.train(data, { steps: 1_000_000, batchSize, reportEvery: 100 })
    const begun = performance.now()
    let ruined = false
    const train = async () => {
      for await (const event of run) {
        if (ruined || performance.now() - begun < 3000) continue
        assert.ok(event.step > 0)
        ruined = true
        const parameters = await vae.parameters()
        for (const { data: values } of Object.values(parameters)) values.fill(3e38)
        await vae.setParameters(parameters)
      }
    }
    await expectError(train, NumericError, 'numeric', 'is back to what it was')
    assert.ok(vae.progress!.step > 0)
    assert.ok(largest(await vae.parameters()) < 100)
  }))

gpuTest(restored, 'names the tensor that went first', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await overflowingModel(engine)
    const run = vae.train(data, { steps: 10, batchSize, optimizer: adam() })
    // Both of the layer's gradients are; in the order of the names from behind the bias comes first.
    const tensor = 'encoder.0.bias'
    for (const call of [() => run.done, () => vae.step({ images }, adam()), () => vae.gradients({ images })]) {
      const error = await expectError(call, NumericError, 'numeric', `the gradient of "${tensor}"`)
      assert.is((error as NumericError).tensor, tensor)
    }

    const wide = await engine.createVae(TINY, { seed: 1 })
    const { 'latent.log_variance.bias': bias } = await wide.parameters()
    await wide.setParameters({ 'latent.log_variance.bias': { ...bias, data: bias.data.fill(1e4) } })
    const kl = await expectError(() => wide.train(data, { steps: 1, batchSize }).done, NumericError, 'numeric', 'first its part "kl"')
    assert.is((kl as NumericError).tensor, 'latent.log_variance.bias')
    assert.match(kl.message, 'the largest parameter is 1.00e+4, in "latent.log_variance.bias"')
  }))

gpuTest(files, 'are not written of values that are not finite, and the one before stays', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam({ learningRate: { type: 'step', value: 1e-3, factor: 3e41, every: 10 } })
    const train = async (onNonFinite: 'stop' | 'restore') => {
      const vae = await engine.createVae(TINY, { seed: 1 })
      const saved: Uint8Array[] = []
      const checkpoint = { everySteps: 5, save: (file: Uint8Array) => void saved.push(file) }
      const run = vae.train(data, { steps: 11, batchSize, optimizer, checkpoint, onNonFinite })
      const error = await expectError(() => run.done, NumericError, 'numeric', 'step 11')
      for (const file of saved) await engine.load(file)
      assert.is(saved.length, 2)
      return { vae, error }
    }
    const { vae: ruined, error } = await train('stop')
    const { tensor } = error as NumericError
    assert.match(error.message, `"${tensor}"`)
    await expectError(() => ruined.save(), NumericError, 'numeric', `"${tensor}"`, 'no file is written')
    const { vae } = await train('restore')
    expectFinite(await vae.parameters())
    await engine.load(await vae.save())
  }))

exploding.run()
overflowing.run()
restored.run()
files.run()
