// Runs in Deno: what models of the survey come to after a few steps, for PyTorch to be held beside (pytorch.py).
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adam, createEngine, idx, presets, recipes, take, type Dataset, type Engine } from '../../src/index.js'
import { auroc } from '../../src/tools/train/anomaly.js'
import { chosen, classifierAlone, fewLabels, labeledOnly } from '../../src/tools/train/labels.js'

/** What the command line asks for. */
interface Settings {
  name: 'anomaly' | 'labels'
  /** A folder with MNIST's four files. */
  data: string
  steps: number
  seed: number
  digits: number[]
  samples: number
  tested: number
  labels: number
  out: string
  environment: Record<string, unknown>
}

/** Held-out digits and the area under the ROC curve of each. */
async function anomaly(engine: Engine, train: Dataset<Uint8Array>, test: Dataset<Uint8Array>, settings: Settings) {
  const { digits, steps, samples, seed, tested } = settings
  const shown = take(test, tested)
  const images = Float32Array.from(shown.images, (byte) => byte / 255)
  const found: Record<string, number> = {}
  for (const digit of digits) {
    const vae = await engine.createVae(presets.mlp, { seed })
    const set = chosen(train, (label) => label !== digit)
    await vae.train(set, { steps, batchSize: 100, optimizer: adam({ learningRate: 1e-3 }) }).done
    const { reconstruction } = await vae.losses(images, { samples })
    found[digit] = auroc(reconstruction, (image) => shown.labels![image] === digit)
    console.log(`${digit}: ${found[digit].toFixed(3)}`)
    vae.destroy()
  }
  return { auroc: found }
}

/** The test error with few labels, and that of a classifier trained on those alone. */
async function labels(engine: Engine, train: Dataset<Uint8Array>, test: Dataset<Uint8Array>, settings: Settings) {
  const { steps, seed, labels: count } = settings
  const { batchSize, optimizer } = recipes.semiSupervised
  const set = { ...train, labels: fewLabels(train.labels!, count) }
  const images = Float32Array.from(test.images, (byte) => byte / 255)
  const errors: Record<string, number> = {}
  for (const [name, spec, data] of [
    ['classifier alone', classifierAlone(presets.semiSupervised), labeledOnly(set)],
    ['with all images', presets.semiSupervised, set],
  ] as const) {
    const vae = await engine.createVae(spec, { seed })
    const labeledPerBatch = data === set ? batchSize / 2 : undefined
    const size = Math.min(batchSize, data.count)
    await vae.train(data, { steps, batchSize: size, optimizer, labeledPerBatch }).done
    const { data: q } = await vae.classify(images)
    const likeliest = (n: number) => {
      return q.subarray(10 * n, 10 * n + 10).reduce((best, p, k, all) => (p > all[best] ? k : best), 0)
    }
    const wrong = test.labels!.reduce((sum, label, n) => sum + Number(likeliest(n) !== label), 0)
    errors[name] = wrong / test.count
    console.log(`${name}: ${(100 * errors[name]).toFixed(2)} % wrong`)
    vae.destroy()
  }
  return { errors }
}

const settings: Settings = JSON.parse(process.argv[2])
const read = (name: string) => {
  const path = join(settings.data, `${name}-ubyte`)
  return new Uint8Array(readFileSync(existsSync(path) ? path : `${path}.gz`))
}
const set = (name: string) => idx(read(`${name}-images-idx3`), read(`${name}-labels-idx1`))
const engine = await createEngine()
const { description } = engine.adapterInfo
const begun = performance.now()
const result = await { anomaly, labels }[settings.name](engine, await set('train'), await set('t10k'), settings)
const { out, environment, data: _, ...asked } = settings
const seconds = Math.round((performance.now() - begun) / 1000)
writeFileSync(out, `${JSON.stringify({ ...environment, adapter: description, ...asked, ...result, seconds }, null, 1)}\n`)
engine.destroy()
process.exit(0)
