import * as assert from 'uvu/assert'
import {
  adam, DataError, dataset, ElboError, NumericError, ShapeError, SpecError,
  type Engine, type PriorEvent, type Vae, type VaeSpec,
} from '../../src/index.js'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { Random, STREAMS } from '../../src/random.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError, thrownBy } from '../support/errors.js'

// Images whose codes are known: the value of every pixel is the number of its code.

const learning = suite('learning a prior')
const sampling = suite('sampling from a prior')
const files = suite('a saved prior')
const refusals = suite('what a prior refuses')

/** A model of h × w pixels with values 0, 1, …, each of which is the code of that number. */
function speaking(h: number, w: number, codes: number): VaeSpec {
  return {
    input: [h, w, 1],
    encoder: [],
    latent: { type: 'vector-quantized', codes, size: 1 },
    decoder: [{ type: 'conv', filters: 1, kernel: 1 }],
    likelihood: { type: 'gaussian', variance: 1 },
  }
}

/** Its code k is the vector (k), and nothing changes what goes through. */
async function speakingModel(engine: Engine, spec: VaeSpec): Promise<Vae> {
  const vae = await engine.createVae(spec, { seed: 5 })
  const { codes } = spec.latent as { codes: number }
  const pass = (shape: number[]) => {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1))
    data[0] = 1
    return { shape, data }
  }
  const before = await vae.parameters()
  await vae.setParameters({
    'latent.projection.weight': pass(before['latent.projection.weight'].shape),
    'latent.projection.bias': { shape: [1], data: new Float32Array(1) },
    'latent.codebook.weight': { shape: [codes, 1], data: Float32Array.from({ length: codes }, (_, k) => k) },
    'decoder.0.weight': pass(before['decoder.0.weight'].shape),
    'decoder.0.bias': { shape: [1], data: new Float32Array(1) },
  })
  return vae
}

/** The codes of 2 × 2 maps: the first is any of three, every other one more than the one before or two. */
function chainedMaps(count: number, seed: number): Float32Array {
  const random = new Random(seed, STREAMS.GLYPHS)
  const maps = new Float32Array(4 * count)
  for (let i = 0; i < maps.length; i++) {
    const step = random.uniform() < 0.75 ? 1 : 2
    maps[i] = i % 4 === 0 ? random.integer(3) : (maps[i - 1] + step) % 3
  }
  return maps
}

/** ln p of the maps, exactly. */
const ENTROPY = Math.log(3) + 3 * -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25))

const square = speaking(2, 2, 3)
const chained = dataset({ values: chainedMaps(600, 1), shape: [2, 2, 1] })
const network = { layers: 2, channels: 8 }
const options = { batchSize: 50, optimizer: adam({ learningRate: 0.01 }) }

gpuTest(learning, 'finds how codes go together, which no independent prior can', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    assert.is(vae.prior, undefined)
    const events: PriorEvent[] = []
    const validation = dataset({ values: chainedMaps(300, 2), shape: [2, 2, 1] })
    const run = vae.trainPrior(chained, { ...options, epochs: 20, network, validation })
    for await (const event of run) events.push(event)
    const last = events.at(-1)!
    assert.equal([last.step, last.epoch, last.totalSteps, last.epochEnd], [240, 20, 240, true])
    assert.ok(Math.abs(last.loss.bitsPerCode - last.loss.total / (4 * Math.LN2)) < 1e-9)
    const found = await vae.evaluatePrior(validation)
    assert.ok(Math.abs(found.total - last.validation!.total) < 1e-5)
    assert.ok(Math.abs(found.independentBitsPerCode - Math.log2(3)) < 0.01, String(found.independentBitsPerCode))
    assert.ok(Math.abs(found.total - ENTROPY) < 0.12, `${found.total} nats, the source has ${ENTROPY}`)
    assert.ok(found.bitsPerCode < 0.8 * found.independentBitsPerCode, `${found.bitsPerCode} bits`)
    assert.equal(vae.prior!.network, { ...network, kernel: 3 })
    assert.equal(vae.prior!.progress, { step: 240, epoch: 20 })
  }))

gpuTest(sampling, 'follows the distribution that it has learned, at any temperature, by the seed', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    await vae.trainPrior(chained, { ...options, epochs: 20, network }).done
    const shares = async (sampling: { temperature?: number; independent?: boolean }) => {
      const { data } = await vae.sample(600, { seed: 3, ...sampling })
      const steps = [0, 0, 0]
      data.forEach((value, i) => i % 4 > 0 && steps[(Math.round(value) - Math.round(data[i - 1]) + 3) % 3]++)
      return steps.map((count) => count / 1800)
    }
    const near = (actual: number[], expected: number[], bound: number) => {
      actual.forEach((share, i) => assert.ok(Math.abs(share - expected[i]) < bound, `shares ${actual}, needs ${expected}`))
    }
    near(await shares({}), [0, 0.75, 0.25], 0.05) // ± 0.01 of 1,800 draws, and what learning misses
    near(await shares({ temperature: 0.5 }), [0, 0.9, 0.1], 0.05)
    near(await shares({ temperature: 0.01 }), [0, 1, 0], 0.001)
    near(await shares({ independent: true }), [1 / 3, 1 / 3, 1 / 3], 0.06)
    assert.equal(await vae.sample(9, { seed: 4 }), await vae.sample(9, { seed: 4 }))
    assert.not.equal(await vae.sample(9, { seed: 4 }), await vae.sample(9, { seed: 5 }))
    const many = await vae.sample(20, { seed: 4 })
    assert.equal((await vae.sample(9, { seed: 4 })).data, many.data.slice(0, 36), 'an image does not depend on how many')
  }))

gpuTest(sampling, 'goes by the class', ({ device }) =>
  withEngine(device, async (engine) => {
    const maps = Float32Array.from({ length: 6 * 80 }, (_, i) => (i % 6 === 0 ? 0 : (Math.floor(i / 6) % 2) + 1))
    const labels = Uint8Array.from({ length: 80 }, (_, n) => n % 2)
    const data = dataset({ values: maps, shape: [2, 3, 1], labels })
    const vae = await speakingModel(engine, speaking(2, 3, 3))
    const training = { batchSize: 20, optimizer: adam({ learningRate: 0.02 }), steps: 80 }
    await vae.trainPrior(data, { ...training, network: { ...network, classes: 2 } }).done
    const of = [0, 1, 1, 0, 0, 1, 0, 1]
    const { data: values } = await vae.sample(8, { labels: of, seed: 1 })
    const wanted = of.flatMap((label) => [0, ...Array.from({ length: 5 }, () => label + 1)])
    assert.equal([...values].map(Math.round), wanted)
    await expectError(() => vae.sample(2), DataError, 'data', 'labels')
    await expectError(() => vae.sample(1, { labels: [2] }), DataError, 'data', 'labels: number 0 is 2')
    await expectError(() => vae.sample(1, { labels: [1], independent: true }), DataError, 'data', 'labels', 'leave')
    assert.ok((await vae.evaluatePrior(data)).bitsPerCode < 0.2)
    assert.equal((await (await engine.load(await vae.save())).sample(8, { labels: of, seed: 1 })).data, values)
  }))

gpuTest(files, 'comes back with its training, which goes on bit for bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    await vae.trainPrior(chained, { ...options, steps: 17, network, seed: 9 }).done
    const file = await vae.save()
    const loaded = await engine.load(file)
    assert.equal(loaded.prior, vae.prior)
    expectSameParameters(await loaded.parameters(), await vae.parameters())
    assert.equal(await loaded.sample(3, { seed: 1 }), await vae.sample(3, { seed: 1 }))
    assert.equal(await loaded.save(), file)
    for (const model of [vae, loaded]) await model.trainPrior(chained, { ...options, steps: 9 }).done
    assert.equal(await loaded.save(), await vae.save())
    const whole = await speakingModel(engine, square)
    await whole.trainPrior(chained, { ...options, steps: 26, network, seed: 9 }).done
    expectSameParameters(await whole.parameters(), await vae.parameters())
    const { tensors, metadata } = readSafetensors(file)
    assert.equal(tensors['prior.0.vertical.weight'].shape, [16, 8, 3, 7])
    assert.ok(tensors['optimizer.m.prior.embedding.weight'])
    assert.equal(JSON.parse(metadata['elbo.prior']), { ...network, kernel: 3 })
    assert.is(JSON.parse(metadata['elbo.prior.training']).step, 17)
  }))

gpuTest(files, 'early stopping keeps the best epoch; checkpoints are whole files', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    const validation = dataset({ values: chainedMaps(60, 7), shape: [2, 2, 1] })
    const checkpoints: Uint8Array[] = []
    const checkpoint = { everySteps: 5, save: (file: Uint8Array) => void checkpoints.push(file) }
    const small = dataset({ values: chainedMaps(40, 8), shape: [2, 2, 1] })
    const training = { batchSize: 40, optimizer: adam({ learningRate: 0.05 }), network, validation, checkpoint }
    const run = vae.trainPrior(small, { ...training, epochs: 100, earlyStopping: { patience: 3 } })
    let best = Infinity
    for await (const { validation: loss } of run) best = Math.min(best, loss!.total)
    assert.ok(Math.abs((await vae.evaluatePrior(validation)).total - best) < 1e-5)
    const loaded = await engine.load(await vae.save())
    assert.ok(Math.abs((await loaded.evaluatePrior(validation)).total - best) < 1e-5)
    assert.is((await engine.load(checkpoints[0])).prior!.progress.step, 5)
  }))

gpuTest(files, 'the model may train on; parameters may be set; another network begins anew', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    await vae.trainPrior(chained, { ...options, steps: 3, network }).done
    await vae.train(chained, { ...options, steps: 2 }).done
    const { 'prior.0.out.bias': bias, ...others } = await vae.parameters()
    const data = bias.data.map((_, c) => c)
    await vae.setParameters({ 'prior.0.out.bias': { ...bias, data } })
    const after = await vae.parameters()
    assert.equal(after['prior.0.out.bias'].data, data)
    assert.equal(after['prior.1.out.bias'], others['prior.1.out.bias'])
    await vae.trainPrior(chained, { ...options, steps: 2, network: { layers: 1 } }).done
    assert.equal(vae.prior!.network, { layers: 1, channels: 8, kernel: 3 })
    assert.is(vae.prior!.progress.step, 2)
  }))

gpuTest(refusals, 'a model without codes, without a prior, at work; options that mean nothing', ({ device }) =>
  withEngine(device, async (engine) => {
    const plain = await engine.createVae(TINY)
    const tiny = dataset({ images: new Uint8Array(12 * 4), shape: [4, 3, 1] })
    await expectError(() => plain.trainPrior(tiny, { steps: 1 }), SpecError, 'spec', 'trainPrior', 'gaussian')
    await expectError(() => plain.evaluatePrior(tiny), SpecError, 'spec', 'evaluatePrior', 'gaussian')
    await expectError(() => plain.sample(1, { temperature: 2 }), SpecError, 'spec', 'sample.temperature')
    const vae = await speakingModel(engine, square)
    await expectError(() => vae.evaluatePrior(chained), SpecError, 'spec', 'trainPrior first')
    await expectError(() => vae.sample(1, { temperature: 0.5 }), SpecError, 'spec', 'sample.temperature', 'leave it out')
    const refused = async (given: object, ...parts: string[]) => {
      await expectError(() => vae.trainPrior(chained, { steps: 1, ...given }), SpecError, 'spec', ...parts)
    }
    await refused({ epochs: 1 }, 'trainPrior', 'epochs or steps')
    await refused({ klWeight: 1 }, 'trainPrior.klWeight')
    await refused({ network: { kernel: 4 } }, 'trainPrior.network.kernel', 'odd', '4')
    await refused({ network: { layers: 0 } }, 'trainPrior.network.layers', '0')
    await refused({ network: { channel: 4 } }, 'trainPrior.network.channel', 'channels')
    await refused({ earlyStopping: { patience: 1 } }, 'trainPrior.earlyStopping', 'validation')
    const noLabels = () => vae.trainPrior(chained, { steps: 1, network: { classes: 3 } })
    await expectError(noLabels, DataError, 'data', 'trainPrior', 'no labels')
    await expectError(() => vae.trainPrior(tiny, { steps: 1 }), ShapeError, 'shape', 'trainPrior', '2 × 2')
    await expectError(() => vae.trainPrior(chained, { steps: 1, batchSize: 601 }), DataError, 'data', '601', '600')
    const labelled = dataset({ values: chainedMaps(4, 1), shape: [2, 2, 1], labels: Uint8Array.of(0, 1, 2, 3) })
    const few = () => vae.trainPrior(labelled, { steps: 1, batchSize: 2, network: { classes: 3 } })
    await expectError(few, DataError, 'data', 'trainPrior: labels: number 3 is 3')
    const run = vae.trainPrior(chained, { ...options, epochs: 1000, network })
    await expectError(() => vae.train(chained, { steps: 1 }), ElboError, 'busy', 'training')
    await expectError(() => vae.trainPrior(chained, { steps: 1 }), ElboError, 'busy', 'training')
    const { step } = await run.stop()
    assert.ok(step >= 1 && step < 12000)
    await expectError(() => vae.sample(1, { temperature: 0 }), SpecError, 'spec', 'sample.temperature', 'above 0')
    const controller = new AbortController()
    const aborted = vae.trainPrior(chained, { ...options, epochs: 1000, signal: controller.signal })
    controller.abort(new Error('enough'))
    assert.match((await thrownBy(() => aborted.done)).message, /enough/)
  }))

gpuTest(refusals, 'a prior whose loss stops being finite, and a destroyed model', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await speakingModel(engine, square)
    await vae.trainPrior(chained, { ...options, steps: 3, network }).done
    const { 'prior.output.1.weight': { shape, data } } = await vae.parameters()
    await vae.setParameters({ 'prior.output.1.weight': { shape, data: data.map(() => 3e38) } })
    await expectError(() => vae.trainPrior(chained, { ...options, steps: 3 }).done, NumericError, 'numeric', 'part "codes"')
    vae.destroy()
    await expectError(() => vae.sample(1), ElboError, 'destroyed')
  }))

for (const each of [learning, sampling, files, refusals]) each.run()
