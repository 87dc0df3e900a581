// @ts-check
// Installs packages that only a benchmark or a test needs, apart from the engine's own dependencies.
import { copyFile, mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isStale, npmCi } from './ensure-installed.mjs'
import { oneAtATime } from './one-at-a-time.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Runs `npm ci` in `.cache/` for a folder of this repository with a package.json and package-lock.json, unless it has.
 *
 * @param {string} folder from the root: `bench/peers`
 * @param {string} what the packages, in words
 * @returns {Promise<string>} the node_modules with the packages
 */
export async function installApart(folder, what) {
  const to = join(root, '.cache', basename(folder))
  await mkdir(to, { recursive: true })
  await oneAtATime(`${to}.lock`, async () => {
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(root, folder, file), join(to, file))
    if (!isStale(to)) return
    console.error(`Installing ${what} (npm ci) …`)
    await npmCi(to, ['--ignore-scripts'])
  })
  return join(to, 'node_modules')
}
