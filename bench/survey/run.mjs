// @ts-check
// node bench/survey/run.mjs anomaly|labels|codes|draw|vae-gan --data DIR [--OPTION VALUE …]
//
// What those models come to in Deno after some steps; pytorch.py is the same in PyTorch. The options of a task and
// their defaults are in `defaults` below. DIR has MNIST's files, for vae-gan CIFAR-10's binary batches. The report is
// added to bench/results/DATE-ADAPTER-survey.json, or to --out FILE; models to be looked at go to .cache/survey.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../build.mjs'
import { readArguments, UsageError } from '../../src/tools/arguments.mjs'
import { denoRun, findDeno } from '../../src/tools/find-deno.mjs'
import { softwareVulkan } from '../../src/tools/find-firefox.mjs'
import { commitOf } from '../publish.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const few = { steps: 400, batch: 200, rate: 3e-4, labels: 100, weight: 1 }
/** @type {Record<string, Record<string, number | string>>} */
const defaults = {
  anomaly: { steps: 400, samples: 16, tested: 2000, digits: '0,1,2,3,4,5,6,7,8,9', seed: 1 },
  labels: { ...few, seed: 1 },
  codes: { ...few, first: 600, seed: 1 },
  draw: { steps: 400, batch: 128, tested: 2000, seed: 1 },
  'vae-gan': { steps: 200, batch: 64, balance: 0, seed: 1 },
}
const values = ['data', 'out', ...new Set(Object.values(defaults).flatMap(Object.keys))]
const given = readArguments(process.argv.slice(2), { values, word: 'task' })
const [name] = given.words
const data = given.text('data')
const own = defaults[name]
if (!own || !data) throw new UsageError(`needs one of ${Object.keys(defaults).join(', ')}, and --data with the folder of its files`)
/** @param {[string, number | string]} setting */
const asked = ([key, value]) => [key, (typeof value === 'string' ? given.text(key) : given.number(key)) ?? value]
const out = given.text('out')
const folder = join(root, '.cache/survey')
mkdirSync(folder, { recursive: true })
await bundle({ entryPoints: ['bench/survey/main.ts'], outfile: join(folder, 'main.mjs'), sourcemap: false, platform: 'node' })
const job = {
  name,
  settings: Object.fromEntries(Object.entries(own).map(asked)),
  data: resolve(data),
  out: out && resolve(out),
  folder: join(root, 'bench/results'),
  models: folder,
  environment: {
    date: new Date().toISOString(),
    commit: commitOf(root),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
  },
}
const quiet = { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: '1', XDG_RUNTIME_DIR: folder }
const env = { ...process.env, ...(await softwareVulkan()), ...quiet }
const args = [...denoRun, join(folder, 'main.mjs')]
const { status } = spawnSync(await findDeno(), [...args, JSON.stringify(job)], { env, stdio: 'inherit' })
process.exit(status ?? 1)
