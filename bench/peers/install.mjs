// @ts-check
// Installs the libraries of package.json apart from the engine's own dependencies, in .cache/peers.
import { spawn } from 'node:child_process'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isStale } from '../../src/tools/ensure-installed.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const folder = fileURLToPath(new URL('../../.cache/peers/', import.meta.url))

/** Runs `npm ci` unless it has. @returns {Promise<string>} the node_modules with the libraries */
export async function installPeers() {
  await mkdir(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) await copyFile(join(here, file), join(folder, file))
  if (isStale(folder)) {
    console.error('Installing the libraries to compare with (npm ci) …')
    const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--loglevel=error']
    const shell = process.platform === 'win32'
    const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell })
    const code = await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`npm did not start (${error.message}); install Node with npm`)))
      child.on('exit', resolve)
    })
    if (code !== 0) throw new Error(`npm ci failed for bench/peers (exit code ${code}); see the lines above`)
  }
  return join(folder, 'node_modules')
}
