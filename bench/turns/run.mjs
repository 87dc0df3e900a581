// @ts-check
// node bench/turns/run.mjs --against COMMIT [--pairs N] [--out FILE]: step times of this tree beside those of a commit,
// taking turns in one process of Deno; then those with error scopes beside those without. Prints ratios, writes JSON.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../build.mjs'
import { readArguments } from '../../src/tools/arguments.mjs'
import { denoRun, findDeno } from '../../src/tools/find-deno.mjs'
import { softwareVulkan } from '../../src/tools/find-firefox.mjs'
import { commitOf } from '../publish.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const given = readArguments(process.argv.slice(2), { values: ['against', 'pairs', 'out'], flags: [] })
const against = given.text('against')
if (!against) throw new Error('--against needs a commit')

const folder = join(root, '.cache/turns')
const other = join(folder, against)
mkdirSync(other, { recursive: true })
const archive = execFileSync('git', ['archive', against], { cwd: root, maxBuffer: 1 << 30 })
execFileSync('tar', ['-x', '-C', other], { input: archive })
try {
  symlinkSync(join(root, 'node_modules'), join(other, 'node_modules'))
} catch {} // there since an earlier run
/** The commit bundles itself, with its own shaders. */
const { bundle: bundleOther } = await import(join(other, 'build.mjs'))
const engine = { entryPoints: ['src/index.ts'], sourcemap: false }
await bundle({ ...engine, outfile: join(folder, 'this.mjs') })
await bundleOther({ ...engine, outfile: join(folder, 'other.mjs') })
await bundle({ entryPoints: ['bench/turns/main.ts'], outfile: join(folder, 'main.mjs'), sourcemap: false })

const environment = {
  date: new Date().toISOString(),
  commit: commitOf(root),
  against,
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
}
const quiet = { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: '1', XDG_RUNTIME_DIR: folder }
const env = { ...process.env, ...(await softwareVulkan()), ...quiet }
const args = [...denoRun, join(folder, 'main.mjs')]
const out = given.text('out')
const settings = { environment, pairs: given.whole('pairs') ?? 40, out: out ? resolve(out) : undefined }
const { status } = spawnSync(await findDeno(), [...args, JSON.stringify(settings)], { env, stdio: 'inherit' })
process.exit(status ?? 1)
