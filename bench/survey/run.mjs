// @ts-check
// node bench/survey/run.mjs anomaly|labels --data DIR --out FILE [--steps N] [--digits 0,3,…] [--samples N]
// [--tested N] [--labels N] [--seed N]: what those models come to in Deno after some steps; pytorch.py for PyTorch.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../build.mjs'
import { readArguments, UsageError } from '../../src/tools/arguments.mjs'
import { findDeno } from '../../src/tools/find-deno.mjs'
import { softwareVulkan } from '../../src/tools/find-firefox.mjs'
import { commitOf } from '../publish.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const values = ['data', 'out', 'steps', 'digits', 'samples', 'tested', 'labels', 'seed']
const given = readArguments(process.argv.slice(2), { values, flags: [], words: true })
const [name] = given.words
const [data, out] = [given.text('data'), given.text('out')]
if ((name !== 'anomaly' && name !== 'labels') || !data || !out) {
  throw new UsageError('needs anomaly or labels, --data with the folder of MNIST, and --out')
}
const folder = join(root, '.cache/survey')
mkdirSync(folder, { recursive: true })
await bundle({ entryPoints: ['bench/survey/main.ts'], outfile: join(folder, 'main.mjs'), sourcemap: false, platform: 'node' })
const settings = {
  name,
  data: resolve(data),
  out: resolve(out),
  steps: given.whole('steps') ?? 400,
  seed: given.whole('seed', 0) ?? 1,
  digits: (given.text('digits') ?? '0,1,2,3,4,5,6,7,8,9').split(',').map(Number),
  samples: given.whole('samples') ?? 16,
  tested: given.whole('tested') ?? 2000,
  labels: given.whole('labels') ?? 100,
  environment: {
    date: new Date().toISOString(),
    commit: commitOf(root),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
  },
}
const quiet = { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: '1', XDG_RUNTIME_DIR: folder }
const env = { ...process.env, ...(await softwareVulkan()), ...quiet }
const args = ['run', '-A', '--quiet', '--unstable-webgpu', '--no-config', join(folder, 'main.mjs')]
const { status } = spawnSync(await findDeno(), [...args, JSON.stringify(settings)], { env, stdio: 'inherit' })
process.exit(status ?? 1)
