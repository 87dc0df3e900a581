import type fc from 'fast-check'
import {
  adam,
  adamw,
  checkpointStore,
  cifar,
  createEngine,
  dataset,
  glyphs,
  idx,
  rmsprop,
  sgd,
  split,
  subset,
  take,
  type Dataset,
  type Engine,
  type StoredFiles,
  type Vae,
  type VaeSpec,
} from '../../src/index.js'
import { TINY } from './engine.js'
import type { Recipe } from './fuzz-check.js'
import { good, hostile, list, nearly, options } from './fuzz-values.js'
import { phantomDevice } from './phantom-device.js'
import { savedFile } from './saved-file.js'

/** A public function, what it is called with, and how. */
export interface FuzzedCall {
  inputs: fc.Arbitrary<Recipe>
  call(input: unknown): unknown
}

const CONDITIONAL: VaeSpec = { ...TINY, classes: 3 }
const QUANTIZED: VaeSpec = {
  ...TINY,
  encoder: [{ type: 'conv', filters: 2, kernel: 1 }],
  latent: { type: 'vector-quantized', codes: 3, size: 2 },
  decoder: [{ type: 'conv', filters: 1, kernel: 1 }],
}

const bytes = new Uint8Array(12 * 29).fill(100)
const set = dataset({ images: bytes, shape: [4, 3, 1], labels: new Uint8Array(29).fill(2) })
const values = dataset({ values: new Float32Array(12 * 5).fill(0.5), shape: [4, 3, 1] })

const seeds = good(() => 0, () => 7)
const counts = good(() => 1, () => 3)
const labels = good(() => [0, 1], () => Uint8Array.of(2), () => [3], () => 'abc', () => [0.5])
const images = good(() => new Float32Array(12), () => ({ shape: [2, 4, 3, 1], data: new Float32Array(24) }))
const latents = good(() => new Float32Array(2), () => Uint32Array.of(0, 1), () => new Uint32Array(12))
const optimizers = good(
  () => adam(),
  () => sgd(),
  () => rmsprop(),
  () => ({ ...adamw() }),
  () => ({ ...adam(), learningRate: NaN }),
)
const rates = good(
  () => 1,
  () => 0,
  () => ({ type: 'linear', from: 0, to: 1, steps: 5 }),
  () => ({ type: 'linear', from: 0 }),
)
/** Two IDX files of one image, a CIFAR record, and what is no file of images. */
const files = good(
  () => Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 5, 6),
  () => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7),
  () => new Uint8Array(3073),
  () => Uint8Array.of(0x1f, 0x8b, 8, 0),
  () => new ArrayBuffer(8),
)

/** Data sets, and objects that look like some. */
const sets = nearly(
  good(
    () => set,
    () => values,
    () => ({ ...set }),
    () => new Proxy(set, {}),
    () => ({ ...set, extra: 1 }),
    () => glyphs({ count: 2 }),
    () => ({ ...set, count: 0 }),
    () => ({ ...set, labels: Uint8Array.of(0, 1, 2) }),
    () => ({ ...set, images: new Float32Array(12 * 29).fill(NaN) }),
    () => ({ ...set, shape: [4, 3] }),
  ),
)

const balance = options({ equilibrium: good(() => 0.7), margin: counts })

const tensors = {
  images,
  prior: good(() => new Float32Array(2), () => ({ shape: [1, 2], data: new Float32Array(2) })),
  balance,
  noise: good(() => new Float32Array(2), () => ({ shape: [1, 2], data: new Float32Array(2) })),
  labels,
  importanceSamples: counts,
  freeBits: good(() => 0.5),
}

const training = options(
  {
    epochs: hostile,
    steps: counts,
    batchSize: good(() => 1, () => 8, () => 29),
    optimizer: optimizers,
    validation: sets,
    klWeight: rates,
    earlyStopping: options({ patience: counts, minimumGain: good(() => 0.1) }),
    seed: seeds,
    signal: good(() => new AbortController().signal),
    reportEvery: counts,
    checkpoint: options({ everySteps: counts, save: good(() => () => {}) }),
    binarize: good(() => 'sample'),
    flip: good(() => true),
    importanceSamples: counts,
    freeBits: good(() => 0.5),
    balance,
  },
  'steps',
  'batchSize',
)

const priorTraining = options(
  {
    epochs: hostile,
    steps: counts,
    batchSize: good(() => 1, () => 8, () => 29),
    optimizer: optimizers,
    validation: sets,
    seed: seeds,
    network: options({
      layers: good(() => 1, () => 300),
      channels: good(() => 4, () => 1e9),
      kernel: good(() => 3, () => 4),
      classes: good(() => 3, () => 2),
    }),
  },
  'steps',
  'batchSize',
)

const evaluation = options({
  klWeight: counts,
  seed: seeds,
  batchSize: counts,
  importanceSamples: good(() => 0, () => 2),
  binarize: good(() => 'threshold'),
})

const sampling = options({
  labels,
  seed: seeds,
  temperature: good(() => 0.5, () => 0),
  independent: good(() => true),
})

const optimizerOptions = options({
  learningRate: rates,
  clipNorm: counts,
  beta1: good(() => 0.5),
  beta2: good(() => 0.5),
  epsilon: counts,
  weightDecay: counts,
  rho: good(() => 0.5),
  momentum: good(() => 0.5),
})

const datasetOptions = options(
  {
    images: good(() => new Uint8Array(12), () => new Float32Array(24), () => bytes),
    values: good(() => new Float32Array(12)),
    shape: good(() => [4, 3, 1], () => [1, 1, 3], () => [2, 2]),
    labels: good(() => [0], () => [0, 255], () => Uint8Array.of(1)),
  },
  'images',
  'shape',
)

/** Every public function that takes options, on a device that computes nothing. */
export async function publicCalls(): Promise<Record<string, FuzzedCall>> {
  const device = phantomDevice()
  const engine = await createEngine({ device })
  const models = await Promise.all([TINY, CONDITIONAL, QUANTIZED].map((spec) => engine.createVae(spec)))
  const network = { layers: 1, channels: 4 }
  await models[2].trainPrior(set, { steps: 1, batchSize: 8, network }).done // else there is none to evaluate
  /** A call on a model of any kind, with a list of arguments. */
  const onModels = (inputs: fc.Arbitrary<Recipe>, call: (vae: Vae, args: never[]) => unknown): FuzzedCall => ({
    inputs: list(good(() => 0, () => 1, () => 2), inputs),
    call: (given) => {
      const [kind, args] = given as [number, never[]]
      return call(models[kind], args)
    },
  })
  const labelled = options({ labels })
  const saved = savedFile(TINY, 1)
  return {
    createEngine: {
      inputs: options({
        device: good(() => device, () => ({ ...device, adapterInfo: undefined }), () => ({})),
        gpu: good(() => undefined, () => ({ requestAdapter: async () => null })),
        powerPreference: good(() => 'low-power'),
        tuning: good(() => 'off'),
      }),
      call: async (given) => (await createEngine(given as never)).destroy(),
    },
    createVae: {
      inputs: list(nearly(good(() => TINY, () => ({ ...TINY, latent: { type: 'gauss' } }))), options({ seed: seeds })),
      call: async (args) => (await engine.createVae(...(args as [never, never]))).destroy(),
    },
    load: {
      inputs: nearly(good(() => saved, () => saved.slice().buffer, () => saved.subarray(1))),
      call: async (file) => (await engine.load(file as never)).destroy(),
    },
    train: onModels(list(sets, training), (vae, [data, given]) => brieflyTrained(vae.train(data, given))),
    trainPrior: onModels(
      list(sets, priorTraining),
      (vae, [data, given]) => brieflyTrained(vae.trainPrior(data, given)),
    ),
    evaluatePrior: onModels(
      list(sets, options({ batchSize: counts })),
      (vae, [data, more]) => vae.evaluatePrior(data, more),
    ),
    step: onModels(
      list(options(tensors, 'images'), nearly(optimizers)),
      (vae, [batch, optimizer]) => vae.step(batch, optimizer),
    ),
    gradients: onModels(list(options(tensors, 'images')), (vae, [batch]) => vae.gradients(batch)),
    encode: onModels(list(nearly(images), labelled), (vae, [given, more]) => vae.encode(given, more)),
    decode: onModels(list(nearly(latents), labelled), (vae, [given, more]) => vae.decode(given, more)),
    reconstruct: onModels(list(nearly(images), labelled), (vae, [given, more]) => vae.reconstruct(given, more)),
    sample: onModels(list(nearly(counts), sampling), (vae, [n, more]) => vae.sample(n, more)),
    evaluate: { inputs: list(sets, evaluation), call: brieflyEvaluated(engine) },
    activeUnits: onModels(
      list(sets, options({ threshold: counts })),
      (vae, [data, more]) => vae.activeUnits(data, more),
    ),
    setParameters: onModels(
      list(
        options({
          'encoder.0.bias': good(() => ({ shape: [5], data: new Float32Array(5) }), () => ({ shape: [5] })),
          'decoder.0.bias': good(() => ({ shape: [6], data: new Float32Array(6) }), () => new Float32Array(6)),
        }),
      ),
      (vae, [given]) => vae.setParameters(given),
    ),
    adam: { inputs: optimizerOptions, call: (given) => adam(given as never) },
    adamw: { inputs: optimizerOptions, call: (given) => adamw(given as never) },
    rmsprop: { inputs: optimizerOptions, call: (given) => rmsprop(given as never) },
    sgd: { inputs: optimizerOptions, call: (given) => sgd(given as never) },
    dataset: { inputs: datasetOptions, call: (given) => dataset(given as never) },
    subset: {
      inputs: list(sets, nearly(counts), nearly(counts)),
      call: (args) => subset(...(args as [never, never, never])),
    },
    take: { inputs: list(sets, nearly(counts)), call: (args) => take(...(args as [never, never])) },
    split: { inputs: list(sets, nearly(good(() => 0.5))), call: (args) => split(...(args as [never, never])) },
    glyphs: { inputs: options({ count: counts, seed: seeds }, 'count'), call: drawFew },
    checkpointStore: {
      inputs: list(nearly(good(() => new MemoryFiles(), () => ({ list: async () => [] }))), nearly(good(() => saved))),
      call: (args) => keepIn(...(args as [unknown, unknown])),
    },
    idx: { inputs: list(nearly(files), nearly(files)), call: (args) => idx(...(args as [never, never])) },
    cifar: { inputs: list(nearly(files), nearly(files)), call: (args) => cifar(...(args as [never, never])) },
  }
}

/** Stopped after a moment, unless it is over. */
async function brieflyTrained(run: { done: Promise<unknown>; stop(): Promise<unknown> }): Promise<void> {
  const isUnderWay = new Promise<boolean>((resolve) => setTimeout(resolve, 0, true))
  if (await Promise.race([run.done.then(() => false), isUnderWay])) await run.stop()
}

/** Evaluates for a moment: so many importance samples as were asked for may take for ever, and rightly. */
function brieflyEvaluated(engine: Engine): (args: unknown) => Promise<void> {
  let vae: Vae | undefined
  return async (args) => {
    const model = (vae ??= await engine.createVae(TINY))
    const timer = setTimeout(() => {
      model.destroy()
      vae = undefined
    }, 5)
    try {
      await model.evaluate(...(args as [Dataset, object]))
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Digits, unless they would be so many that drawing them takes a while. */
function drawFew(given: unknown): void {
  const count = numberIn(given)
  if (Number.isInteger(count) && (count as number) > 100 && (count as number) < 1e6) return
  glyphs(given as never)
}


/** Keeps a file and takes it back; a text would be a folder. */
async function keepIn(place: unknown, file: unknown): Promise<void> {
  const store = checkpointStore(typeof place === 'string' ? '' : (place as StoredFiles))
  await store.save(file as Uint8Array)
  await store.load()
}

class MemoryFiles implements StoredFiles {
  private readonly kept = new Map<string, Uint8Array>()
  list = async () => [...this.kept.keys()]
  read = async (name: string) => this.kept.get(name)
  write = async (name: string, bytes: Uint8Array) => void this.kept.set(name, bytes)
  remove = async (name: string) => void this.kept.delete(name)
}

function numberIn(given: unknown): unknown {
  try {
    return (given as { count?: unknown } | undefined)?.count
  } catch {
    return undefined
  }
}
