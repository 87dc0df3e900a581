import * as assert from 'uvu/assert'
import { adam, dataset, rmsprop, sgd, type Engine, type Optimizer, type Vae } from '../../src/index.js'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { loadFixture } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectOtherParameters, expectSameParameters, TINY, withEngine } from '../support/engine.js'

const goingOn = suite('going on')
const files = suite('saved training')

/** Epochs of 8, 8, 8 and 5 images. */
const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const batchSize = 8

const optimizers: [name: string, make: () => Optimizer][] = [
  ['Adam', () => adam({ learningRate: 0.01 })],
  ['RMSprop', () => rmsprop({ learningRate: 0.01 })],
  ['RMSprop with momentum', () => rmsprop({ learningRate: 0.01, momentum: 0.9 })],
  ['SGD', () => sgd({ learningRate: 0.05 })],
  ['SGD with momentum', () => sgd({ learningRate: 0.05, momentum: 0.9 })],
]

const create = (engine: Engine): Promise<Vae> => engine.createVae(TINY, { seed: 3 })

/** A model after so many steps in one run. */
async function after(engine: Engine, steps: number, optimizer: Optimizer): Promise<Vae> {
  const vae = await create(engine)
  await vae.train(data, { steps, batchSize, optimizer }).done
  return vae
}

interface Progress {
  step: number
  epoch: number
  cursor: number
  seed: number
}

function progressOf(file: Uint8Array): Progress {
  return JSON.parse(readSafetensors(file).metadata['elbo.training'])
}

for (const [name, make] of optimizers) {
  gpuTest(goingOn, `3 epochs and 2 more are 5 epochs, bit for bit, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const optimizer = make()
      const vae = await create(engine)
      await vae.train(data, { epochs: 3, batchSize, optimizer }).done
      const { step, epoch } = await vae.train(data, { epochs: 2, batchSize, optimizer }).done
      assert.equal([step, epoch], [20, 5])
      const whole = await create(engine)
      await whole.train(data, { epochs: 5, batchSize, optimizer: make() }).done
      expectSameParameters(await vae.parameters(), await whole.parameters())
    }))
}

gpuTest(goingOn, 'a run stopped in the middle of an epoch goes on as if it never had been', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam({ learningRate: 0.01 })
    const vae = await create(engine)
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer })
    let last
    for await (const event of run) {
      if (event.step < 6) continue
      last = await run.stop()
      break
    }
    const rest = vae.train(data, { steps: 4005 - last!.step, batchSize, optimizer })
    assert.is((await rest.done).step, 4005)
    const whole = await after(engine, 4005, adam({ learningRate: 0.01 }))
    expectSameParameters(await vae.parameters(), await whole.parameters())
  }))

gpuTest(goingOn, 'an epoch that was begun counts once it is finished', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam()
    const vae = await after(engine, 6, optimizer)
    const finished = await vae.train(data, { epochs: 1, batchSize, optimizer }).done
    assert.equal([finished.step, finished.epoch, finished.epochEnd], [8, 2, true])
    const next = await vae.train(data, { epochs: 1, batchSize, optimizer }).done
    assert.equal([next.step, next.epoch, next.epochEnd], [12, 3, true])
  }))

for (const [name, make] of optimizers) {
  gpuTest(goingOn, `another learning rate and KL weight go on, as a schedule would, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { learningRate, ...settings } = make() as Optimizer & { learningRate: number }
      const halved = (value: number) => ({ type: 'step', value, factor: 0.5, every: 6 }) as const
      const whole = await create(engine)
      const scheduled = { ...settings, learningRate: halved(learningRate) } as Optimizer
      await whole.train(data, { steps: 11, batchSize, optimizer: scheduled, klWeight: halved(1) }).done

      const vae = await after(engine, 6, make())
      const file = await vae.save()
      const changed = { ...make(), learningRate: learningRate / 2 }
      const options = { steps: 5, batchSize, optimizer: changed, klWeight: 0.5 }
      const { step, epoch } = await vae.train(data, options).done
      assert.equal([step, epoch], [11, 3])
      expectSameParameters(await vae.parameters(), await whole.parameters())
      const loaded = await engine.load(file)
      assert.is((await loaded.train(data, options).done).step, 11)
      expectSameParameters(await loaded.parameters(), await whole.parameters())
    }))
}

gpuTest(goingOn, 'another learning rate goes on in single steps, too', ({ device }) =>
  withEngine(device, async (engine) => {
    const [vae, whole] = [await create(engine), await create(engine)]
    const batches = [0.2, 0.4, 0.6].map((value) => ({ images: new Float32Array(12 * 5).fill(value) }))
    const scheduled = adam({ learningRate: { type: 'step', value: 0.5, factor: 0.5, every: 1 } })
    for (const [i, batch] of batches.entries()) {
      await vae.step(batch, adam({ learningRate: 0.5 ** (i + 1) }))
      await whole.step(batch, scheduled)
    }
    expectSameParameters(await vae.parameters(), await whole.parameters())
  }))

gpuTest(goingOn, 'another batch size goes on in the same epoch', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await after(engine, 2, adam()) // 16 of 29 images
    const { step, epoch, epochEnd } = await vae.train(data, { epochs: 1, batchSize: 5 }).done
    assert.equal([step, epoch, epochEnd], [5, 1, true])
    assert.equal(progressOf(await vae.save()), { step: 5, epoch: 1, cursor: 0, seed: 3 })
  }))

gpuTest(goingOn, 'another type of optimizer starts anew, from the parameters', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await after(engine, 6, adam())
    const fresh = await create(engine)
    await fresh.setParameters(await vae.parameters())
    for (const model of [vae, fresh]) {
      const { step, epoch } = await model.train(data, { steps: 2, batchSize, optimizer: rmsprop() }).done
      assert.equal([step, epoch], [2, 1])
    }
    expectSameParameters(await vae.parameters(), await fresh.parameters())
  }))

gpuTest(goingOn, 'momentum that is turned on begins at zero, whatever it was before', ({ device }) =>
  withEngine(device, async (engine) => {
    const [plain, heavy] = [rmsprop({ learningRate: 0.01 }), rmsprop({ learningRate: 0.01, momentum: 0.9 })]
    const vae = await after(engine, 3, heavy)
    await vae.train(data, { steps: 3, batchSize, optimizer: plain }).done
    const file = await vae.save()
    assert.not('optimizer.m.decoder.0.bias' in readSafetensors(file).tensors)
    await vae.train(data, { steps: 3, batchSize, optimizer: heavy }).done
    const loaded = await engine.load(file)
    await loaded.train(data, { steps: 3, batchSize, optimizer: heavy }).done
    expectSameParameters(await vae.parameters(), await loaded.parameters())
  }))

gpuTest(goingOn, 'a smaller set than the one before begins a new epoch', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam()
    const vae = await after(engine, 3, optimizer)
    const small = dataset({ images: blobBytes(10, [4, 3, 1], 2), shape: [4, 3, 1] })
    const { step, epoch, epochEnd } = await vae.train(small, { steps: 2, batchSize, optimizer }).done
    assert.equal([step, epoch, epochEnd], [5, 2, true])
  }))

gpuTest(goingOn, 'single steps and training share the optimizer’s state', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam()
    const vae = await after(engine, 3, optimizer)
    await vae.step({ images: new Float32Array(12 * 5).fill(0.5) }, optimizer)
    assert.is((await vae.train(data, { steps: 1, batchSize, optimizer }).done).step, 5)
  }))

for (const [name, make] of optimizers) {
  gpuTest(files, `save, load and go on is uninterrupted training, bit for bit, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const whole = await (await after(engine, 17, make())).parameters()
      const file = await (await after(engine, 6, make())).save()
      assert.equal(progressOf(file), { step: 6, epoch: 1, cursor: 16, seed: 3 })

      const loaded = await engine.load(file)
      assert.equal(loaded.optimizer, make())
      const { step } = await loaded.train(data, { steps: 11, batchSize, optimizer: loaded.optimizer }).done
      assert.is(step, 17)
      expectSameParameters(await loaded.parameters(), whole)

      const equal = await engine.load(file)
      await equal.train(data, { steps: 11, batchSize, optimizer: make() }).done
      expectSameParameters(await equal.parameters(), whole)
    }))
}

gpuTest(files, 'a loaded model saved again is the same file', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await (await after(engine, 6, adam())).save()
    assert.equal(await (await engine.load(file)).save(), file)
    const untrained = await (await create(engine)).save()
    assert.equal(await (await engine.load(untrained.buffer)).save(), untrained)
    assert.not('elbo.training' in readSafetensors(untrained).metadata)
  }))

gpuTest(files, 'a file saved while training runs holds the parameters and moments of its step', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam({ learningRate: 0.01 })
    const vae = await create(engine)
    const run = vae.train(data, { epochs: 1000, batchSize, optimizer })
    const saved: Uint8Array[] = []
    for await (const { step } of run) {
      if (step % 40 === 0) saved.push(await vae.save())
      if (saved.length === 3) break
    }
    for (const file of saved) {
      const { step } = progressOf(file)
      const stopped = await (await after(engine, step, adam({ learningRate: 0.01 }))).save()
      assert.equal(progressOf(file), progressOf(stopped))
      expectSameParameters(readSafetensors(file).tensors, readSafetensors(stopped).tensors)
    }
  }))

gpuTest(files, 'checkpoints of a run and its end fit together', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await create(engine)
    const saved: Uint8Array[] = []
    const save = async (file: Uint8Array) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      saved.push(file)
    }
    await vae.train(data, { steps: 17, batchSize, optimizer: adam(), checkpoint: { everySteps: 5, save } }).done
    assert.equal(saved.map((file) => progressOf(file).step), [5, 10, 15])
    const whole = await (await after(engine, 17, adam())).parameters()
    expectSameParameters(await vae.parameters(), whole)
    for (const [i, file] of saved.entries()) {
      const loaded = await engine.load(file)
      await loaded.train(data, { steps: 17 - 5 * (i + 1), batchSize, optimizer: loaded.optimizer }).done
      expectSameParameters(await loaded.parameters(), whole)
    }
  }))

gpuTest(files, 'setting parameters between two runs keeps the rest of the state', ({ device }) =>
  withEngine(device, async (engine) => {
    const optimizer = adam()
    const vae = await after(engine, 3, optimizer)
    const before = await vae.parameters()
    await vae.setParameters({ 'decoder.0.bias': { shape: [6], data: new Float32Array(6).fill(0.5) } })
    expectOtherParameters(await vae.parameters(), before)
    assert.is((await vae.train(data, { steps: 1, batchSize, optimizer }).done).step, 4)
  }))

/** Of seven steps more, by the engine that wrote the file: commit f6a3346, in which a model was a line of layers. */
const LOSSES_THEN = [
  8.352518208092079, 8.663724224781618, 8.391289998590945, 8.295347624924034, 8.360840235138312, 8.227520901244134,
  8.31622140929103,
]

gpuTest(files, 'of an engine from before models were graphs load, and go on as they did then', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.load(await loadFixture('saved-before-graph.safetensors'))
    assert.equal([vae.progress, vae.optimizer], [{ step: 9, epoch: 2 }, adam({ learningRate: 0.01 })])
    const images = Uint8Array.from({ length: 29 * 12 }, (_, i) => (7919 * i) % 251)
    const losses: number[] = []
    for await (const { loss } of vae.train(dataset({ images, shape: [4, 3, 1] }), { steps: 7, batchSize })) {
      losses.push(loss.total)
    }
    // Adapters differ in the last digits of sines and logarithms, and so of the noise.
    losses.forEach((loss, i) => assert.ok(Math.abs(loss / LOSSES_THEN[i] - 1) < 1e-5, `${loss}, then ${LOSSES_THEN[i]}`))
    assert.is(losses.length, LOSSES_THEN.length)
  }))

goingOn.run()
files.run()
