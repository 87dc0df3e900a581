// @ts-check
// Makes every command work on a fresh clone: installs the development dependencies where they are missing or stale.
// Node built-ins only, since it runs before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What is installed differs from what `package-lock.json` asks for; npm keeps its own record in `node_modules`. */
export function isStale(folder = root) {
  const record = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return true
  const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  return Object.entries(wanted).some(([path, { version, optional }]) => {
    if (path === '' || (optional && !installed[path])) return false
    return installed[path]?.version !== version
  })
}

/** Runs `npm ci` unless `node_modules` already is what `package-lock.json` asks for. Rejects with the way out. */
export async function ensureInstalled() {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new Error(`Node ${process.versions.node} is too old; elbo's commands need Node 20 or newer`)
  }
  if (!isStale()) return
  console.error('Installing the development dependencies (npm ci) …')
  await npmCi(root, ['--include=dev'])
}

/** Runs `npm ci` in a folder. Rejects with the way out. @param {string} folder @param {string[]} options */
export async function npmCi(folder, options) {
  const args = ['ci', ...options, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  const npm = process.env.npm_execpath
  const child = npm?.endsWith('.js')
    ? spawn(process.execPath, [npm, ...args], { cwd: folder, stdio: ['ignore', 2, 2] })
    : spawn('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  const code = await new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`npm did not start (${error.message}); install Node with npm`)))
    child.on('exit', resolve)
  })
  if (code !== 0) throw new Error(`npm ci failed in ${folder} (exit code ${code}); see the lines above`)
}
