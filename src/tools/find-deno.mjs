// @ts-check
// Finds a Deno: one named by the environment, an installed one, or the one that npm's package brings.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { installApart } from './install-apart.mjs'

/** How a program of ours runs there, before its path. */
export const denoRun = ['run', '-A', '--quiet', '--unstable-webgpu', '--no-config']

/**
 * @typedef {object} Surroundings
 * @property {Record<string, string | undefined>} env
 * @property {(path: string) => boolean} exists
 * @property {(path: string) => boolean} works the program starts and is new enough
 * @property {() => Promise<string>} install the package's node_modules
 */

/** @type {Surroundings} */
const here = {
  env: process.env,
  exists: existsSync,
  works,
  install: () => installApart('src/tools/deno', 'Deno'),
}

/**
 * The path of Deno 2 or newer: `DENO_PATH`, one on the `PATH`, or the npm package's, installed in `.cache/` when missing.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @returns {Promise<string>}
 */
export async function findDeno(surroundings) {
  const { env, exists, works, install } = { ...here, ...surroundings }
  const { DENO_PATH: given, PATH = '' } = env
  if (given) {
    if (exists(given)) return given
    throw new Error(`DENO_PATH is ${given}, which does not exist; point it at a Deno, or unset it`)
  }
  const suffix = process.platform === 'win32' ? '.exe' : ''
  for (const folder of PATH.split(delimiter)) {
    const path = join(folder, `deno${suffix}`)
    if (folder !== '' && exists(path) && works(path)) return path
  }
  const scope = join(await install(), '@deno')
  const arch = `${process.platform}-${process.arch}`
  const path = [arch, `${arch}-glibc`].map((name) => join(scope, name, `deno${suffix}`)).find(exists)
  if (path && works(path)) return path
  throw new Error(`no Deno was found, and npm's package has none for ${arch}: install Deno 2, or set DENO_PATH`)
}

/** @param {string} path */
function works(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return status === 0 && Number(/^deno (\d+)/.exec(stdout)?.[1]) >= 2
}
