// @ts-check
// Starts a command that is written in TypeScript and trains in a page: both are bundled first. With ELBO_RUNTIME=deno
// the command itself runs in Deno and trains there.
import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from '../ensure-installed.mjs'
import { findDeno } from '../find-deno.mjs'
import { softwareVulkan } from '../find-firefox.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Runs the function `command` that a TypeScript file exports, with this process's arguments; sets the exit code, 2 for
 * a command line that is wrong.
 *
 * @param {string} entryPoint from the root
 * @param {string} name as users call it: `npm run train`
 */
export async function launch(entryPoint, name) {
  // A reader that goes away (a closed terminal, `| head`) is no reason to lose what is being learned.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    await ensureInstalled()
    const { ELBO_RUNTIME: place = 'browser' } = process.env
    if (place === 'deno') return void (process.exitCode = await launchDeno(entryPoint, name))
    if (place !== 'browser') throw new Error(`ELBO_RUNTIME is "${place}", needs browser or deno`)
    const { command } = await loadCommand(entryPoint)
    const { launchBrowser } = await import('../browser.mjs')
    process.exitCode = await command(process.argv.slice(2), { bundlePage, launchBrowser })
  } catch (error) {
    const { name: kind, message } = error instanceof Error ? error : new Error(String(error))
    const isUsage = kind === 'UsageError' // of the command's own bundle, so not of a class that is known here
    console.error(isUsage ? `${message}\n(${name} -- --help says what there is)` : message)
    process.exitCode = isUsage ? 2 : 1
  }
}

/** @param {string} entryPoint @returns {Promise<typeof import('./command.js')>} */
async function loadCommand(entryPoint) {
  return bundled({ entryPoints: [entryPoint] }, (file) => import(pathToFileURL(file).href))
}

/**
 * Runs the command in Deno, where it needs no page.
 *
 * @param {string} entryPoint
 * @param {string} name
 * @returns {Promise<number>} its exit code
 */
async function launchDeno(entryPoint, name) {
  const contents = `
    import process from 'node:process'
    import { command } from './${entryPoint}'
    try {
      process.exitCode = await command(process.argv.slice(2))
    } catch ({ name, message }) {
      console.error(name === 'UsageError' ? message + '\\n(${name} -- --help says what there is)' : message)
      process.exitCode = name === 'UsageError' ? 2 : 1
    }`
  const cache = join(root, '.cache/deno')
  await mkdir(cache, { recursive: true })
  const software = /--adapter[= ]software/.test(process.argv.join(' ')) ? await softwareVulkan() : {}
  const { XDG_RUNTIME_DIR = cache } = process.env // Mesa complains where nobody has logged in
  const folders = { XDG_CACHE_HOME: cache, XDG_RUNTIME_DIR, DENO_DIR: cache }
  const env = { ...process.env, ...software, ...folders, DENO_NO_UPDATE_CHECK: '1' }
  const deno = await findDeno()
  return bundled({ stdin: { contents, resolveDir: root } }, (file) => {
    const flags = ['run', '-A', '--quiet', '--unstable-webgpu', '--no-config']
    const child = spawn(deno, [...flags, file, ...process.argv.slice(2)], { stdio: 'inherit', env })
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => child.kill(signal))
    }
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve(code ?? 1))
    })
  })
}

/**
 * Bundles a program for a process, and removes it after its use.
 *
 * @template T
 * @param {import('esbuild').BuildOptions} program
 * @param {(file: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function bundled(program, use) {
  const { bundle } = await import('../../../build.mjs')
  const folder = join(root, `.cache/command-${process.pid}`)
  const outfile = join(folder, 'command.mjs')
  try {
    await bundle({ ...program, outfile, platform: 'node', packages: 'external', sourcemap: 'inline' })
    return await use(outfile)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The script and the style sheet of the page that trains. */
async function bundlePage() {
  const { bundle } = await import('../../../build.mjs')
  const { outputFiles = [] } = await bundle({
    entryPoints: { page: 'src/tools/train/page.ts', style: 'src/tools/drawing/colours.css' },
    outdir: 'page',
    write: false,
    sourcemap: 'inline',
  })
  /** @param {string} extension */
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? ''
  return { script: text('.js'), style: text('.css') }
}
