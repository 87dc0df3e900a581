// @ts-check
// Installs packages that only a benchmark needs, apart from the engine's own dependencies.
import { spawn } from 'node:child_process'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isStale } from '../src/tools/ensure-installed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs `npm ci` in `.cache/<name>` unless it has.
 *
 * @param {'peers' | 'node'} name the folder of bench/ with the package.json and package-lock.json
 * @param {string} what the packages, in words
 * @returns {Promise<string>} the node_modules with the packages
 */
export async function installApart(name, what) {
  const folder = join(root, '.cache', name)
  await mkdir(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) await copyFile(join(root, 'bench', name, file), join(folder, file))
  if (isStale(folder)) {
    console.error(`Installing ${what} (npm ci) …`)
    const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--loglevel=error']
    const shell = process.platform === 'win32'
    const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell })
    const code = await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`npm did not start (${error.message}); install Node with npm`)))
      child.on('exit', resolve)
    })
    if (code !== 0) throw new Error(`npm ci failed for bench/${name} (exit code ${code}); see the lines above`)
  }
  return join(folder, 'node_modules')
}
