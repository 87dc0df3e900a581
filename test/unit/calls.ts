import * as assert from 'uvu/assert'
import {
  adam,
  checkpointStore,
  cifar,
  createEngine,
  DataError,
  dataset,
  FormatError,
  glyphs,
  idx,
  ShapeError,
  SpecError,
  split,
  subset,
  take,
  type Dataset,
  type Vae,
} from '../../src/index.js'
import { suite } from '../harness/suite.js'
import { TINY } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { phantomDevice } from '../support/phantom-device.js'

const sets = suite('data sets made by hand')
const options = suite('options')
const limits = suite('limits')

const images = new Uint8Array(12 * 29).fill(100)
const data = dataset({ images, shape: [4, 3, 1] })
const image = new Float32Array(12)
const batchSize = 8

async function tinyModel(device = phantomDevice()): Promise<Vae> {
  return (await createEngine({ device })).createVae(TINY)
}

/** Every function that takes a data set. */
const setCalls: Record<string, (vae: Vae, set: Dataset) => unknown> = {
  train: (vae, set) => vae.train(set, { steps: 1, batchSize: 1 }),
  validation: (vae, set) => vae.train(data, { steps: 1, batchSize, validation: set }),
  trainPrior: (vae, set) => vae.trainPrior(set, { steps: 1, batchSize: 1 }),
  evaluate: (vae, set) => vae.evaluate(set),
  activeUnits: (vae, set) => vae.activeUnits(set),
  subset: (_, set) => subset(set, 0),
  take: (_, set) => take(set, 1),
  split: (_, set) => split(set, 0.5),
}

for (const [name, call] of Object.entries(setCalls)) {
  sets(`are looked through by ${name}`, async () => {
    const vae = await tinyModel()
    const refused = async (change: object, kind: typeof DataError | typeof ShapeError, ...parts: string[]) => {
      const code = kind === DataError ? 'data' : 'shape'
      await expectError(() => call(vae, { ...data, ...change } as Dataset), kind, code, name, ...parts)
    }
    for (const count of [0, -1, 1.5, NaN, '29', undefined]) await refused({ count }, DataError, 'count', 'whole number')
    await refused({ count: 30 }, ShapeError, '360', '348')
    await refused({ labels: Uint8Array.of(1, 2, 3) }, ShapeError, '3 entries', 'needs 29')
    await refused({ labels: 'abc' }, DataError, 'labels', '"abc"')
    for (const shape of [[4, 3], [4, -3, 1], null, 'a', { length: 3 }]) await refused({ shape }, ShapeError, 'shape')
    await refused({ images: Array.from(images) }, DataError, 'data set')
    await refused({ images: new Float32Array(348).fill(NaN) }, DataError, 'image 0, row 0', 'NaN')
    const throws = { get: (): never => { throw new TypeError('a getter') } }
    const set = Object.defineProperty({ ...data }, 'count', throws)
    await expectError(() => call(vae, set), DataError, 'data', 'cannot be read', 'TypeError: a getter')
    await expectError(() => call(vae, {} as Dataset), DataError, 'data', name, 'data set')
  })
}

sets('are read once: what a getter says later does not count', async () => {
  const vae = await tinyModel()
  let asked = 0
  const fickle = { ...data, get count() { return asked++ === 0 ? 29 : 0 } }
  assert.is((await vae.evaluate(fickle)).kl, 0)
  assert.is(asked, 1)
})

sets('are uploaded once as long as they hold the same arrays', async () => {
  const device = phantomDevice()
  const made: string[] = []
  const { createBuffer } = device
  device.createBuffer = (descriptor) => {
    made.push(descriptor.label ?? '')
    return createBuffer(descriptor)
  }
  const vae = await tinyModel(device)
  const set = { ...data }
  await vae.evaluate(set)
  await vae.evaluate(set)
  const uploads = () => made.filter((label) => label.startsWith('images.')).length
  assert.is(uploads(), 1)
  await vae.evaluate(Object.assign(set, { images: images.slice() }))
  assert.is(uploads(), 2)
})

sets('whose memory has gone elsewhere are refused', async () => {
  const moved = dataset({ images: images.slice(), shape: [4, 3, 1] })
  structuredClone(moved.images.buffer, { transfer: [moved.images.buffer as ArrayBuffer] })
  const vae = await tinyModel()
  await expectError(() => vae.evaluate(moved), ShapeError, 'shape', '348', 'got 0')
})

sets('of shared memory are copied, and cannot change afterwards', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(12)).fill(7)
  const set = dataset({ images: shared, shape: [4, 3, 1] })
  shared.fill(8)
  assert.is(set.images[0], 7)
  assert.throws(() => ((set as { count: number }).count = 5), /read only/)
})

/** Every function that takes options, and one that it knows. */
const optionCalls: Record<string, [known: string, call: (vae: Vae, options: never) => unknown]> = {
  createEngine: ['tuning', (_, given) => createEngine(given)],
  createVae: ['seed', async (_, given) => (await createEngine({ device: phantomDevice() })).createVae(TINY, given)],
  train: ['batchSize', (vae, given) => vae.train(data, given)],
  trainPrior: ['network', (vae, given) => vae.trainPrior(data, given)],
  evaluate: ['importanceSamples', (vae, given) => vae.evaluate(data, given)],
  activeUnits: ['threshold', (vae, given) => vae.activeUnits(data, given)],
  encode: ['labels', (vae, given) => vae.encode(image, given)],
  decode: ['labels', (vae, given) => vae.decode(new Float32Array(2), given)],
  reconstruct: ['labels', (vae, given) => vae.reconstruct(image, given)],
  sample: ['seed', (vae, given) => vae.sample(1, given)],
  step: ['images', (vae, given) => vae.step(given, adam())],
  gradients: ['noise', (vae, given) => vae.gradients(given)],
  optimizer: ['learningRate', (_, given) => adam(given)],
  dataset: ['images', (_, given) => dataset(given)],
  glyphs: ['count', (_, given) => glyphs(given)],
}

for (const [name, [known, call]] of Object.entries(optionCalls)) {
  options(`of ${name} are options: null, a class or a misspelled one is none`, async () => {
    const vae = await tinyModel()
    const refused = (given: unknown, ...parts: string[]) =>
      expectError(() => call(vae, given as never), SpecError, 'spec', name, ...parts)
    for (const none of [null, 3, 'steps', [], new Map(), () => {}]) await refused(none, 'plain object')
    await refused({ [`${known}s`]: 1 }, `has no "${known}s"`, `did you mean "${known}"?`)
    await refused({ Zylinder: 1 }, 'has no "Zylinder"', known)
    const throws = Object.defineProperty({}, known, { enumerable: true, get: () => { throw new Error('a getter') } })
    await refused(throws, 'cannot be read', 'a getter')
  })
}

options('of the wrong type are refused, also what would count as a number', async () => {
  const vae = await tinyModel()
  for (const value of ['1', null, [1], {}, true, 1n, Symbol('s')]) {
    for (const key of ['klWeight', 'seed', 'batchSize', 'importanceSamples']) {
      await expectError(() => vae.evaluate(data, { [key]: value }), SpecError, 'spec', `evaluate.${key}`)
    }
    const threshold = value as never
    await expectError(() => vae.activeUnits(data, { threshold }), SpecError, 'spec', 'activeUnits.threshold')
    await expectError(() => vae.sample(1, { seed: value as never }), SpecError, 'spec', 'seed')
    await expectError(() => vae.sample(value as never), DataError, 'data', 'sample')
    await expectError(() => vae.train(data, { epochs: value as never }), SpecError, 'spec', 'train.epochs')
    await expectError(() => vae.decode(value as never), ShapeError, 'shape', 'latents')
    const named = { 'encoder.0.bias': value as never }
    await expectError(() => vae.setParameters(named), ShapeError, 'shape', 'setParameters')
  }
})

options('of a training run that is none: signal, checkpoint, early stopping', async () => {
  const vae = await tinyModel()
  const refused = (given: object, ...parts: string[]) =>
    expectError(() => vae.train(data, { steps: 1, batchSize, ...given }), SpecError, 'spec', ...parts)
  for (const signal of [null, {}, 'abort', { aborted: false }, AbortSignal]) {
    await refused({ signal }, 'train.signal', 'needs an AbortSignal')
  }
  await refused({ checkpoint: { everySteps: 1 } }, 'train.checkpoint', 'needs a store, or save as a function')
  await refused({ checkpoint: { everySteps: 1, save: 'file' } }, 'train.checkpoint.save', '"file"')
  await refused({ checkpoint: { save() {} } }, 'train.checkpoint', 'needs everySteps or everySeconds')
  await refused({ checkpoint: { everySeconds: NaN, save() {} } }, 'train.checkpoint.everySeconds', 'NaN')
  await refused({ checkpoint: { everySeconds: 1, store: {} } }, 'train.checkpoint.store')
  await refused({ onNonFinite: 'ignore' }, 'train.onNonFinite', '"restore"')
  await refused({ checkpoint: true }, 'train.checkpoint', 'plain object')
  await refused({ earlyStopping: {} }, 'train.earlyStopping.patience')
  await refused({ earlyStopping: { patience: 1, paticnce: 2 } }, 'did you mean "patience"')
  await refused({ flip: 'yes' }, 'train.flip', '"yes"')
  await refused({ binarize: true }, 'train.binarize', '"sample", "threshold"')
})

options('of a checkpoint keep the object that they are methods of', async () => {
  const vae = await tinyModel()
  const checkpoint = {
    everySteps: 2,
    save() {
      saved.push(this === checkpoint)
    },
  }
  const saved: boolean[] = []
  await vae.train(data, { steps: 4, batchSize, checkpoint }).done
  assert.equal(saved, [true, true])
})

options('of an engine: a device that is none is refused, one that does not name its adapter is not', async () => {
  const refused = (device: unknown, ...parts: string[]) =>
    expectError(() => createEngine({ device: device as never }), SpecError, 'spec', 'createEngine.device', ...parts)
  await refused({}, 'needs a GPUDevice', 'createBuffer', 'queue', 'limits')
  await refused({ ...phantomDevice(), queue: {} }, 'without queue')
  for (const none of [null, 'gpu', 3, Promise.resolve(phantomDevice())]) await refused(none, 'needs a GPUDevice')
  const nameless = Object.assign(phantomDevice(), { adapterInfo: undefined })
  const engine = await createEngine({ device: nameless })
  assert.equal({ ...engine.adapterInfo }, { vendor: '', architecture: '', device: '', description: '' })
  assert.is(engine.isSoftware, false)
  const device = phantomDevice()
  const preference = 'fast' as never
  await expectError(() => createEngine({ device, powerPreference: preference }), SpecError, 'spec', '"low-power"')
  await expectError(() => createEngine({ device, tuning: 'on' as never }), SpecError, 'spec', 'tuning', '"auto", "off"')
  await expectError(() => createEngine({ recoverySeconds: -1 }), SpecError, 'spec', 'createEngine.recoverySeconds')
  await expectError(() => createEngine({ device: () => ({}) as never }), SpecError, 'spec', 'createEngine.device()')
})

options('of schedules within schedules are read 16 deep, whatever they hold', async () => {
  const vae = await tinyModel()
  const nested = (levels: number) => {
    let rate: unknown = 1
    for (let i = 0; i < levels; i++) rate = { type: 'warm-up', steps: 1, after: rate }
    return rate as number
  }
  adam({ learningRate: nested(16) })
  const ring: Record<string, unknown> = { type: 'warm-up', steps: 1 }
  ring.after = ring
  for (const deep of [nested(17), nested(20_000), ring as never]) {
    await expectError(() => adam({ learningRate: deep }), SpecError, 'spec', 'optimizer.learningRate.after', '16 deep')
    const given = { steps: 1, batchSize, klWeight: deep }
    await expectError(() => vae.train(data, given), SpecError, 'spec', 'train.klWeight.after', '16 deep')
  }
})

options('are quoted at most 200 characters long', async () => {
  const vae = await tinyModel()
  const long = 'x'.repeat(100_000)
  const wrongs = [{ [long]: 1 }, { binarize: long }, { optimizer: { type: long } }, { klWeight: { type: long } }]
  for (const wrong of wrongs) {
    const given = { steps: 1, batchSize, ...wrong } as never
    const error = await expectError(() => vae.train(data, given), SpecError, 'spec', 'xxx')
    assert.not(error.message.includes('x'.repeat(201)))
  }
})

limits('hold for what would be too large: samples, digits, layers, importance samples', async () => {
  const vae = await tinyModel()
  for (const count of [2 ** 31, 2 ** 53, 1e300, Infinity]) {
    await expectError(() => vae.sample(count), DataError, 'data', 'sample', 'at most 44739242', count)
    await expectError(() => glyphs({ count }), DataError, 'data', 'glyphs', '2739137', count)
  }
  await expectError(() => glyphs({ count: 1e12 }), DataError, 'data', 'glyphs', '2739137')
  const engine = await createEngine({ device: phantomDevice() })
  const encoder = new Array(2 ** 32 - 1)
  await expectError(() => engine.createVae({ ...TINY, encoder }), SpecError, 'spec', 'encoder', 'at most 65536')
  const draws = { importanceSamples: 2 ** 40 }
  await expectError(() => vae.evaluate(data, draws), SpecError, 'spec', 'evaluate.importanceSamples', 'at most')
})

options('of a store of checkpoints: a place that is none, and files that are none', async () => {
  for (const place of [undefined, null, '', 3, [], {}, { list() {} }, Symbol('s'), Object.create(null)]) {
    await expectError(() => checkpointStore(place as never), SpecError, 'spec', 'checkpointStore', "a folder's path")
  }
  const kept = new Map<string, Uint8Array>()
  const store = checkpointStore({
    list: async () => [...kept.keys()],
    read: async (name) => kept.get(name),
    write: async (name, bytes) => void kept.set(name, bytes),
    remove: async (name) => void kept.delete(name),
  })
  for (const none of [undefined, null, 'file', [1], {}, new Float32Array(3)]) {
    await expectError(() => store.save(none as never), FormatError, 'format', 'needs a Uint8Array')
  }
  assert.is(kept.size, 0)
})

limits('hold for a file that is none', async () => {
  const engine = await createEngine({ device: phantomDevice() })
  for (const none of [undefined, null, 5, 'file', [1, 2], {}, new Float32Array(8), new Map()]) {
    await expectError(() => engine.load(none as never), FormatError, 'format', 'load', 'Uint8Array')
    await expectError(() => idx(none as never), FormatError, 'format', 'idx images', 'Uint8Array')
    await expectError(() => cifar(none as never), FormatError, 'format', 'cifar', 'Uint8Array')
  }
})

sets.run()
options.run()
limits.run()
