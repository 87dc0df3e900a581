// Runs in Deno: what models of the survey come to after a few steps, for PyTorch to be held beside (pytorch.py).
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  adam, createEngine, presets, recipes, take, type Dataset, type Engine, type VaeSpec,
} from '../../src/index.js'
import { pixelValues } from '../../src/data/dataset.js'
import { auroc } from '../../src/tools/train/anomaly.js'
import { codesOf, specOnCodes } from '../../src/tools/train/codes.js'
import { accuracyOf, chosen, classifierAlone, fewLabels, labeledOnly } from '../../src/tools/train/labels.js'
import { loadData } from '../../src/tools/train/inputs.js'
import { slugOf } from '../reproduce/record.js'

/** What the command line asks for. */
interface Job {
  name: 'anomaly' | 'labels' | 'codes' | 'draw' | 'vae-gan'
  settings: Settings
  /** A folder with MNIST's four files, or for `vae-gan` with CIFAR-10's batches. */
  data: string
  /** Unless given, the day's file of the adapter in `folder`. */
  out?: string
  folder: string
  /** Where models go that are to be looked at. */
  models: string
  environment: Record<string, unknown> & { date: string }
}

/** As in run.mjs; each task has some of them. */
interface Settings {
  steps: number
  seed: number
  /** With commas. */
  digits: string
  samples: number
  tested: number
  batch: number
  rate: number
  labels: number
  weight: number
  first: number
  /** 1: with the balance rule. */
  balance: number
}

type Sets<Pixels extends Uint8Array | Float32Array> = Record<'train' | 'test', Dataset<Pixels>>

/** Held-out digits and the area under the ROC curve of each. */
async function anomaly(engine: Engine, { train, test }: Sets<Uint8Array>, settings: Settings) {
  const { digits, steps, samples, seed, tested } = settings
  const shown = take(test, tested)
  const found: Record<string, number> = {}
  for (const digit of digits.split(',').map(Number)) {
    const vae = await engine.createVae(presets.mlp, { seed })
    const set = chosen(train, (label) => label !== digit)
    await vae.train(set, { steps, batchSize: 100, optimizer: adam({ learningRate: 1e-3 }) }).done
    const { reconstruction } = await vae.losses(pixelValues(shown), { samples })
    found[digit] = auroc(reconstruction, (image) => shown.labels![image] === digit)
    console.log(`${digit}: ${found[digit].toFixed(3)}`)
    vae.destroy()
  }
  return { auroc: found }
}

/** The test error with few labels, and that of a classifier trained on those alone. */
async function labels<Pixels extends Uint8Array | Float32Array>(
  engine: Engine,
  { train, test }: Sets<Pixels>,
  { steps, seed, batch, rate, labels: count, weight: classifierWeight }: Settings,
  plain: VaeSpec = presets.semiSupervised,
) {
  const spec = { ...plain, classifierWeight }
  const set = { ...train, labels: fewLabels(train.labels!, count) }
  const few = labeledOnly(set)
  const errors: Record<string, number> = {}
  for (const [name, model, data] of [
    ['classifier alone', classifierAlone(spec), few],
    ['with all images', spec, set],
  ] as const) {
    const vae = await engine.createVae(model, { seed })
    const labeledPerBatch = data === set ? batch >> 1 : undefined
    const batchSize = Math.min(batch, data.count)
    await vae.train(data, { steps, batchSize, optimizer: adam({ learningRate: rate }), labeledPerBatch }).done
    errors[name] = 1 - accuracyOf((await vae.classify(pixelValues(test))).data, test.labels!)
    console.log(`${name}: ${(100 * errors[name]).toFixed(2)} % wrong`)
    vae.destroy()
  }
  return { errors }
}

/** `labels` on the posterior means of a plain model (M1 + M2). */
async function codes(engine: Engine, { train, test }: Sets<Uint8Array>, settings: Settings) {
  const { seed, first: steps } = settings
  const coder = await engine.createVae(presets.mlpDeep, { seed })
  await coder.train(train, { steps, ...recipes.mlpDeep }).done
  const sets = { train: await codesOf(coder, train), test: await codesOf(coder, test) }
  coder.destroy()
  return labels(engine, sets, settings, specOnCodes(presets.semiSupervised, presets.mlpDeep.latent.size))
}

/** −ELBO of test images by DRAW, which is saved for its canvases to be seen. */
async function draw(engine: Engine, { train, test }: Sets<Uint8Array>, settings: Settings, folder: string) {
  const { seed, steps, batch, tested } = settings
  const vae = await engine.createVae(presets.draw, { seed })
  await vae.train(train, { steps, batchSize: batch, optimizer: recipes.draw.optimizer }).done
  const { total, reconstruction, kl } = await vae.evaluate(take(test, tested))
  console.log(`-ELBO ${total.toFixed(2)}`)
  writeFileSync(join(folder, 'draw.safetensors'), await vae.save())
  return { negativeElbo: rounded(total), reconstruction: rounded(reconstruction), kl: rounded(kl) }
}

/**
 * What the discriminator makes of images along the run, and a plain model of the same layers after as many steps; both
 * are saved, for their samples to be seen.
 */
async function vaeGan(engine: Engine, { train }: Sets<Uint8Array>, settings: Settings, folder: string) {
  const { seed, steps, batch, balance } = settings
  const { optimizer } = recipes.vaeGan
  const options = { steps, batchSize: batch, optimizer, reportEvery: Math.ceil(steps / PLACES) }
  const vae = await engine.createVae(presets.vaeGan, { seed })
  const trace = []
  for await (const { step, loss } of vae.train(train, { ...options, ...(balance > 0 && { balance: {} }) })) {
    const [real, reconstructed, sampled] = [loss.real!, loss.reconstructed!, loss.sampled!].map(rounded)
    const [reconstruction, kl] = [loss.reconstruction, loss.kl].map(rounded)
    trace.push({ step, real, reconstructed, sampled, reconstruction, kl })
    console.log(JSON.stringify(trace.at(-1)))
  }
  const { discriminator: _, ...spec } = structuredClone(presets.vaeGan)
  const plain = await engine.createVae(spec, { seed })
  const { loss } = await plain.train(train, options).done
  const files = { 'vae-gan': vae, plain }
  for (const [file, model] of Object.entries(files)) {
    writeFileSync(join(folder, `${file}.safetensors`), await model.save())
    model.destroy()
  }
  return { trace, plain: { reconstruction: rounded(loss.reconstruction), kl: rounded(loss.kl) } }
}

/** Places along a run that are recorded. */
const PLACES = 20

function rounded(value: number): number {
  return Number(value.toFixed(4))
}

/** Adds a report to a list in a file, in the place of an earlier one of the same engine and settings. */
function record(path: string, report: Record<string, unknown>) {
  const earlier: Record<string, unknown>[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
  const key = ({ name, engine, settings }: Record<string, unknown>) => JSON.stringify([name, engine, settings])
  const others = earlier.filter((other) => key(other) !== key(report))
  writeFileSync(path, `${JSON.stringify([...others, report], null, 1)}\n`)
  console.log(`Added to ${path}`)
}

const { name, settings, data, out, folder, models, environment }: Job = JSON.parse(process.argv[2])
const engine = await createEngine()
const { description: adapter } = engine.adapterInfo
const begun = performance.now()
const sets = await loadData(data)
const tasks = {
  anomaly: () => anomaly(engine, sets, settings),
  labels: () => labels(engine, sets, settings),
  codes: () => codes(engine, sets, settings),
  draw: () => draw(engine, sets, settings, models),
  'vae-gan': () => vaeGan(engine, sets, settings, models),
}
const result = await tasks[name]()
const seconds = Math.round((performance.now() - begun) / 1000)
const file = join(folder, `${environment.date.slice(0, 10)}-${slugOf(adapter)}-survey.json`)
record(out ?? file, { name, engine: 'elbo', settings, ...environment, adapter, ...result, seconds })
engine.destroy()
process.exit(0)
