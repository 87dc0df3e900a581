import * as assert from 'uvu/assert'
import {
  adam, dataset, rmsprop, take, type Engine, type Tensor, type TrainEvent, type TrainOptions, type Vae, type VaeSpec,
} from '../../src/index.js'
import { CHECKSUM_KEY, readSafetensors, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'

const stopping = suite('early stopping')
const pieces = suite('early stopping in pieces')
const goingOn = suite('after early stopping')

/** Epochs of 8, 8, 8 and 5 images. */
const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const validation = dataset({ images: blobBytes(11, [4, 3, 1], 7), shape: [4, 3, 1] })
const batchSize = 8
const perEpoch = 4
const epochs = 40
const patience = 4
/** So fast that the validation loss soon rises and falls. */
const optimizer = adam({ learningRate: 0.1 })
const options = { batchSize, optimizer, validation }
const early = { ...options, earlyStopping: { patience } }

const quantized: VaeSpec = {
  ...TINY,
  encoder: [{ type: 'conv', filters: 3, kernel: 2, activation: 'tanh' }],
  latent: { type: 'vector-quantized', codes: 5, size: 3, codebookUpdate: 'moving-average' },
  decoder: [{ type: 'conv', filters: 1, kernel: 3 }],
}
const normalized: VaeSpec = { ...TINY, encoder: [{ type: 'dense', units: 5 }, { type: 'batch-norm', activation: 'tanh' }] }
const specs: Record<string, VaeSpec> = {
  'a Gaussian model': TINY,
  'moving-average codes': quantized,
  'running statistics': normalized,
}

/** What training without early stopping comes to: after every epoch the validation loss and the file. */
interface Course {
  losses: number[]
  files: Uint8Array[]
  /** Epochs, from 1, as early stopping must find them. */
  best: number
  end: number
}

async function courseOf(engine: Engine, spec: VaeSpec): Promise<Course> {
  const vae = await engine.createVae(spec, { seed: 3 })
  const losses: number[] = []
  const files: Uint8Array[] = []
  const checkpoint = { everySteps: perEpoch, save: (file: Uint8Array) => void files.push(file) }
  for await (const event of vae.train(data, { ...options, epochs, checkpoint })) {
    if (event.validation) losses.push(event.validation.total)
  }
  let best = 1
  let end = 1
  while (end - best < patience && end < epochs) if (losses[end++] < losses[best - 1]) best = end
  assert.ok(best > 1 && end < epochs, `epoch ${best} of ${losses} is best, which shows little`)
  return { losses, files, best, end }
}

/** The parameters of a file. */
function contentOf(file: Uint8Array): Record<string, Tensor> {
  const tensors = Object.entries(readSafetensors(file).tensors)
  return Object.fromEntries(tensors.filter(([name]) => !/^(optimizer|training|best|codebook)\./.test(name)))
}

async function expectContent(vae: Vae, file: Uint8Array): Promise<void> {
  expectSameParameters(sorted(await vae.parameters()), contentOf(file))
}

const sorted = (tensors: Record<string, Tensor>) => {
  return Object.fromEntries(Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Fails unless two files hold the same, bit for bit; says what differs. */
function expectSameFile(actual: Uint8Array, expected: Uint8Array): void {
  const [file, wanted] = [readSafetensors(actual), readSafetensors(expected)]
  assert.equal({ ...file.metadata, [CHECKSUM_KEY]: '' }, { ...wanted.metadata, [CHECKSUM_KEY]: '' })
  expectSameParameters(file.tensors, wanted.tensors)
}

const metadataOf = (file: Uint8Array, key: string) => JSON.parse(readSafetensors(file).metadata[key] ?? 'null')

for (const [name, spec] of Object.entries(specs)) {
  gpuTest(stopping, `ends after the patience and leaves the best epoch, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { losses, files, best, end } = await courseOf(engine, spec)
      const vae = await engine.createVae(spec, { seed: 3 })
      const ends: TrainEvent[] = []
      const run = vae.train(data, { ...early, epochs })
      for await (const event of run) if (event.epochEnd) ends.push(event)
      assert.equal(ends.map((event) => event.validation!.total), losses.slice(0, end))
      const isBest = losses.map((loss, i) => losses.slice(0, i).every((other) => loss < other))
      assert.equal(ends.map((event) => event.best), isBest.slice(0, end))
      assert.is((await run.done).epoch, end)

      const file = files[best - 1]
      await expectContent(vae, file)
      expectSameParameters(contentOf(await vae.save()), contentOf(file))
      assert.is((await vae.evaluate(validation)).total, losses[best - 1])
      const there = await engine.load(file)
      assert.equal(await vae.sample(7), await there.sample(7)) // codes by how often they were chosen until then
    }))

  gpuTest(stopping, `lets training go on where it stood, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { files, end } = await courseOf(engine, spec)
      const stopped = async () => {
        const vae = await engine.createVae(spec, { seed: 3 })
        await vae.train(data, { ...early, epochs }).done
        return vae
      }
      const trained = await stopped()
      assert.is((await trained.train(data, { ...options, epochs: 1 }).done).epoch, end + 1)
      expectSameFile(await trained.save(), files[end])

      const image = { images: new Float32Array(12).fill(0.5) }
      const [stepped, whole] = [await stopped(), await engine.load(files[end - 1])]
      assert.equal(await stepped.step(image, optimizer), await whole.step(image, optimizer))
      expectSameParameters(await stepped.parameters(), await whole.parameters())
    }))

  gpuTest(pieces, `comes to the same file wherever it is interrupted, with ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const { best, end } = await courseOf(engine, spec)
      const create = () => engine.createVae(spec, { seed: 3 })
      const whole = await create()
      const last = await whole.train(data, { ...early, epochs }).done
      const file = await whole.save()
      assert.equal(metadataOf(file, 'elbo.stopping').best.epoch, best)
      // before any epoch has ended, at the best one, behind it, between two and at the last epochs
      for (const steps of [2, best * perEpoch, best * perEpoch + 1, (end - 2) * perEpoch, end * perEpoch - 3]) {
        const rest = { ...early, steps: epochs * perEpoch - steps }
        const vae = await create()
        await vae.train(data, { ...early, steps }).done
        const loaded = await engine.load(await vae.save())
        for (const model of [vae, loaded]) {
          const { epoch, step, validation } = await model.train(data, rest).done
          assert.equal([epoch, step, validation], [last.epoch, last.step, last.validation], `after ${steps} steps`)
          expectSameFile(await model.save(), file)
        }
      }
    }))
}

gpuTest(pieces, 'goes on from checkpoints', ({ device }) =>
  withEngine(device, async (engine) => {
    const saved: Uint8Array[] = []
    const checkpoint = { everySteps: 3, save: (file: Uint8Array) => void saved.push(file) }
    const vae = await engine.createVae(TINY, { seed: 3 })
    const last = await vae.train(data, { ...early, epochs, checkpoint }).done
    const file = await vae.save()
    for (const checkpointed of saved) {
      const { step } = metadataOf(checkpointed, 'elbo.training')
      if (step === last.step) continue
      const loaded = await engine.load(checkpointed)
      expectSameFile(await loaded.save(), checkpointed)
      assert.is((await loaded.train(data, { ...early, steps: epochs * perEpoch - step }).done).step, last.step)
      expectSameFile(await loaded.save(), file)
    }
  }))

gpuTest(pieces, 'one epoch at a time waits as one run does', ({ device }) =>
  withEngine(device, async (engine) => {
    const { files, best } = await courseOf(engine, TINY)
    const vae = await engine.createVae(TINY, { seed: 3 })
    for (let epoch = 1; epoch <= best + 2; epoch++) {
      const last = await vae.train(data, { ...early, epochs: 1 }).done
      assert.is(last.epoch, epoch)
    }
    await expectContent(vae, files[best - 1])
    const saved = await vae.save()
    assert.is(metadataOf(saved, 'elbo.training').epoch, best + 2)
    assert.is(metadataOf(saved, 'elbo.stopping').waited, 2)
  }))

gpuTest(pieces, 'goes on from what is saved at the last event', ({ device }) =>
  withEngine(device, async (engine) => {
    const { files, end } = await courseOf(engine, TINY)
    const vae = await engine.createVae(TINY, { seed: 3 })
    let saving: Promise<Uint8Array> | undefined
    for await (const { epoch, epochEnd } of vae.train(data, { ...early, epochs })) {
      if (epoch === end && epochEnd) saving = vae.save()
    }
    const loaded = await engine.load(await saving!)
    await loaded.train(data, { ...options, epochs: 1 }).done
    expectSameFile(await loaded.save(), files[end])
  }))

gpuTest(stopping, 'a stop leaves the best, an abort what it came to', ({ device }) =>
  withEngine(device, async (engine) => {
    const { files, losses, best } = await courseOf(engine, TINY)
    const stopsAt = (best + 1) * perEpoch + 1
    const patient = { ...options, epochs, earlyStopping: { patience: epochs } }
    const stopped = await engine.createVae(TINY, { seed: 3 })
    for await (const { step } of stopped.train(data, patient)) if (step === stopsAt) break
    const { epoch } = metadataOf(await stopped.save(), 'elbo.training')
    const until = losses.slice(0, epoch).indexOf(Math.min(...losses.slice(0, epoch)))
    await expectContent(stopped, files[until])

    const controller = new AbortController()
    const aborted = await engine.createVae(TINY, { seed: 3 })
    try {
      for await (const { step } of aborted.train(data, { ...patient, signal: controller.signal })) {
        if (step === stopsAt) controller.abort()
      }
    } catch {} // the abort
    const file = await aborted.save()
    const whole = await engine.createVae(TINY, { seed: 3 })
    await whole.train(data, { ...options, steps: metadataOf(file, 'elbo.training').step }).done
    expectSameParameters(await aborted.parameters(), await whole.parameters())
  }))

gpuTest(stopping, 'asks for a gain', ({ device }) =>
  withEngine(device, async (engine) => {
    const { files, losses } = await courseOf(engine, TINY)
    const vae = await engine.createVae(TINY, { seed: 3 })
    const minimumGain = losses[0] // more than can be gained
    const { epoch } = await vae.train(data, { ...options, epochs, earlyStopping: { patience: 3, minimumGain } }).done
    assert.is(epoch, 4)
    await expectContent(vae, files[0])
  }))

/** Training images whose first pixel is black, validation images where it is white. */
const dark = dataset({
  images: blobBytes(29, [4, 3, 1], 1).map((byte, i) => (i % 12 === 0 ? 0 : byte)),
  shape: [4, 3, 1],
})
const bright = dataset({
  images: blobBytes(11, [4, 3, 1], 7).map((byte, i) => (i % 12 === 0 ? 255 : byte)),
  shape: [4, 3, 1],
})

/** Makes every image with a white first pixel overflow. */
async function spoil(vae: Vae): Promise<void> {
  const parameters = await vae.parameters()
  const weight = parameters['encoder.0.weight']
  for (let unit = 0; unit < 5; unit++) weight.data[12 * unit] = 1e4
  const head = parameters['latent.log_variance.weight']
  await vae.setParameters({ 'encoder.0.weight': weight, 'latent.log_variance.weight': { ...head, data: head.data.fill(1) } })
}

gpuTest(stopping, 'counts no epoch as best whose validation is not a number', ({ device }) =>
  withEngine(device, async (engine) => {
    const spec: VaeSpec = { ...TINY, encoder: [{ type: 'dense', units: 5 }] }
    const set: TrainOptions = { batchSize, validation: bright, klWeight: 0, earlyStopping: { patience: 3 } }
    const ends = async (vae: Vae, more: TrainOptions) => {
      const seen: TrainEvent[] = []
      for await (const event of vae.train(dark, { ...set, ...more })) if (event.epochEnd) seen.push(event)
      return seen
    }
    const never = await engine.createVae(spec, { seed: 3 })
    await spoil(never)
    const spoiled = await ends(never, { epochs: 10 })
    assert.is(spoiled.length, 3)
    assert.ok(spoiled.every((event) => event.best === false && Number.isNaN(event.validation!.total)))
    assert.not(keptIn(await never.save()))

    const once = await engine.createVae(spec, { seed: 3 })
    const good = await ends(once, { epochs: 2 })
    const file = await once.save()
    const best = good.findLast((event) => event.best)!
    assert.ok(Number.isFinite(best.validation!.total))
    const held = await once.parameters()
    await spoil(once)
    const after = await ends(once, { epochs: 10 })
    assert.ok(after.every((event) => event.best === false && Number.isNaN(event.validation!.total)))
    assert.ok(after.length <= 3)
    expectSameParameters(await once.parameters(), held)
    assert.equal(metadataOf(await once.save(), 'elbo.stopping').best, metadataOf(file, 'elbo.stopping').best)
  }))

/** Whether the file holds more than one set of parameters. */
function keptIn(file: Uint8Array): boolean {
  return Object.keys(readSafetensors(file).tensors).some((name) => /^(best|training)\./.test(name))
}

gpuTest(goingOn, 'parameters that are set are what training goes on from', ({ device }) =>
  withEngine(device, async (engine) => {
    const { files, end } = await courseOf(engine, TINY)
    const vae = await engine.createVae(TINY, { seed: 3 })
    await vae.train(data, { ...early, epochs }).done
    const best = await vae.parameters()
    await vae.setParameters({ 'decoder.0.bias': { shape: [6], data: new Float32Array(6).fill(0.25) } })
    const whole = await engine.load(files[end - 1]) // where training stood
    await whole.setParameters({ ...best, 'decoder.0.bias': { shape: [6], data: new Float32Array(6).fill(0.25) } })
    for (const model of [vae, whole]) await model.train(data, { ...options, steps: 3 }).done
    expectSameFile(await vae.save(), await whole.save())
  }))

gpuTest(goingOn, 'another type of optimizer starts from the best', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 3 })
    await vae.train(data, { ...early, epochs }).done
    const fresh = await engine.createVae(TINY, { seed: 3 })
    await fresh.setParameters(await vae.parameters())
    for (const model of [vae, fresh]) await model.train(data, { ...options, optimizer: rmsprop(), steps: 3 }).done
    expectSameFile(await vae.save(), await fresh.save())
  }))

gpuTest(goingOn, 'a run without it forgets the best', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 3 })
    await vae.train(data, { ...early, epochs }).done
    assert.ok(keptIn(await vae.save()))
    await vae.train(data, { ...options, epochs: 1 }).done
    const file = await vae.save()
    assert.not(keptIn(file))
    assert.is(metadataOf(file, 'elbo.stopping'), null)
  }))

gpuTest(goingOn, 'losses that do not compare begin anew, others do not', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 3 })
    await vae.train(data, { ...early, epochs }).done
    const file = await vae.save()
    const { epoch } = metadataOf(file, 'elbo.stopping').best
    const bestAfter = async (changes: Partial<TrainOptions>) => {
      const model = await engine.load(file)
      // nothing moves: no later epoch is better
      const still = adam({ learningRate: 0 })
      await model.train(data, { ...early, optimizer: still, epochs: 2, ...changes }).done
      return metadataOf(await model.save(), 'elbo.stopping').best.epoch
    }
    assert.is(await bestAfter({}), epoch)
    assert.is(await bestAfter({ batchSize: 4, earlyStopping: { patience: 1, minimumGain: 0.1 } }), epoch)
    assert.ok((await bestAfter({ klWeight: 2 })) > epoch)
    assert.ok((await bestAfter({ validation: take(validation, 5) })) > epoch)
    assert.ok((await bestAfter({ binarize: 'threshold' })) > epoch)
  }))

gpuTest(goingOn, 'a file from before it was saved loads, goes on, and waits anew', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 3 })
    const file: Uint8Array[] = []
    const checkpoint = { everySteps: 10, save: (saved: Uint8Array) => void file.push(saved) }
    await vae.train(data, { ...early, epochs: 3, checkpoint }).done
    const { tensors, metadata } = readSafetensors(file[0])
    delete metadata['elbo.stopping']
    delete metadata[CHECKSUM_KEY]
    const kept = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith('best.')))
    assert.ok(Object.keys(kept).length < Object.keys(tensors).length)
    const old = writeSafetensors(kept, { ...metadata, [CHECKSUM_KEY]: tensorChecksum(kept, metadata) })
    const loaded = await engine.load(old)
    expectSameFile(await loaded.save(), old)
    const whole = await engine.createVae(TINY, { seed: 3 })
    await whole.train(data, { ...options, steps: 13 }).done
    await loaded.train(data, { ...options, steps: 3 }).done
    expectSameFile(await loaded.save(), await whole.save())
    const waiting = await engine.load(old)
    await waiting.train(data, { ...early, optimizer: adam({ learningRate: 0 }), epochs: 20 }).done
    assert.equal(metadataOf(await waiting.save(), 'elbo.stopping').best.epoch, 3) // the first that ended
  }))

stopping.run()
pieces.run()
goingOn.run()
