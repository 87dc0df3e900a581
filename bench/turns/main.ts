// Runs in Deno: trains the same models by two builds of the engine in turns, and with error scopes and without.
import { summarize } from '../page/timing.js'

type Elbo = typeof import('../../src/index.js')

interface Settings {
  environment: Record<string, unknown>
  pairs: number
  out?: string
}

/** The little of Deno that is used here. */
declare const Deno: {
  args: string[]
  writeTextFile(path: string, text: string): Promise<void>
  exit(code: number): never
}

/** Batches as in the presets' recipes, fewer images for `conv`; steps enough that a run's beginning and end are little. */
const WORK = [
  { preset: 'mlp', batchSize: 100, steps: 100 },
  { preset: 'mlpDeep', batchSize: 100, steps: 40 },
  { preset: 'conv', batchSize: 16, steps: 8 },
] as const

type Work = (typeof WORK)[number]

/** One of two contestants on one preset. */
type Steps = () => Promise<void>

/** Median and quartiles of a ratio over pairs of neighbouring runs. */
interface Ratio {
  preset: string
  batch: number
  steps: number
  pairs: number
  ratio: number
  quartiles: [number, number]
  /** Milliseconds a step. */
  medianMs: { this: number; other: number }
}

const { environment, pairs, out } = JSON.parse(Deno.args[0]) as Settings
const load = (file: string): Promise<Elbo> => import(new URL(file, import.meta.url).href)
const [present, other] = [await load('./this.mjs'), await load('./other.mjs')]

const adapter = await adapterName()
const versions = await compare((work) => [contestant(present, work, true), contestant(other, work, true)])
const scopes = await compare((work) => [contestant(present, work, true), contestant(present, work, false)])
print(`this tree over ${environment.against}`, versions)
print('with error scopes over without', scopes)
if (out) await Deno.writeTextFile(out, `${JSON.stringify({ ...environment, adapter, versions, scopes }, null, 1)}\n`)
Deno.exit(0)

async function adapterName(): Promise<string> {
  const { description, vendor } = (await navigator.gpu.requestAdapter())!.info
  return description || vendor
}

/** A model on a device of its own, past its first steps. Without scopes the device takes none. */
async function contestant(elbo: Elbo, { preset, batchSize, steps }: Work, scoped: boolean): Promise<Steps> {
  const { createEngine, presets, recipes, glyphs } = elbo
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice()
  if (!scoped) {
    device.pushErrorScope = () => undefined
    device.popErrorScope = async () => null
  }
  const engine = await createEngine({ device })
  const vae = await engine.createVae(presets[preset], { seed: 1 })
  const data = glyphs({ count: 1024, seed: 1 })
  const { optimizer } = recipes[preset]
  const run: Steps = async () => void (await vae.train(data, { steps, batchSize, optimizer, seed: 1 }).done)
  for (let warm = 0; warm < 3; warm++) await run()
  return run
}

async function compare(pair: (work: Work) => [Promise<Steps>, Promise<Steps>]): Promise<Ratio[]> {
  const ratios: Ratio[] = []
  for (const work of WORK) {
    const contestants = await Promise.all(pair(work))
    const samplesMs: [number[], number[]] = [[], []]
    for (let i = 0; i < pairs; i++) {
      for (const which of i % 2 === 0 ? [0, 1] : [1, 0]) {
        const start = performance.now()
        await contestants[which]()
        samplesMs[which].push((performance.now() - start) / work.steps)
      }
    }
    const sorted = samplesMs[0].map((ms, i) => ms / samplesMs[1][i]).sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]
    const [mine, others] = samplesMs.map((samples) => summarize(samples, work.steps).medianMs)
    const { preset, batchSize: batch, steps } = work
    const medianMs = { this: mine, other: others }
    ratios.push({ preset, batch, steps, pairs, ratio: at(0.5), quartiles: [at(0.25), at(0.75)], medianMs })
  }
  return ratios
}

function print(title: string, ratios: readonly Ratio[]): void {
  console.log(`\n${title}, ${adapter}, median over pairs (quartiles):`)
  for (const { preset, batch, ratio, quartiles, medianMs } of ratios) {
    const spread = quartiles.map((value) => value.toFixed(3)).join(' to ')
    console.log(`  ${preset}, batch ${batch}: ${ratio.toFixed(3)} (${spread}); ${medianMs.this.toFixed(1)} ms a step`)
  }
}
