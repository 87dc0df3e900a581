// @ts-check
// Starts a command that is written in TypeScript and trains in a page: both are bundled first. With --runtime or
// ELBO_RUNTIME as node or deno the command itself runs in such a process and trains there.
import { spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from '../ensure-installed.mjs'
import { denoRun, findDeno } from '../find-deno.mjs'
import { softwareVulkan } from '../find-firefox.mjs'
import { softwareDawn } from '../find-vulkan.mjs'
import { installApart } from '../install-apart.mjs'

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
    const place = placeAsked()
    if (place !== 'browser') return void (process.exitCode = await launchProcess(place, entryPoint, name))
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

/** Where the command line or the environment has the command run. A name that there is not the command refuses. */
function placeAsked() {
  const asked = /(?:^| )--runtime[= ](node|deno|chrome)(?: |$)/.exec(process.argv.slice(2).join(' '))?.[1]
  if (asked === 'node' || asked === 'deno') return asked
  const { ELBO_RUNTIME: place = 'browser' } = process.env
  if (asked || place === 'browser') return 'browser'
  if (place === 'node' || place === 'deno') return place
  throw new Error(`ELBO_RUNTIME is "${place}", needs browser, deno or node`)
}

/**
 * Runs the command in a process that trains itself and needs no page.
 *
 * @param {'node' | 'deno'} place
 * @param {string} entryPoint
 * @param {string} name
 * @returns {Promise<number>} its exit code
 */
async function launchProcess(place, entryPoint, name) {
  const contents = `
    import process from 'node:process'
    import { command } from './${entryPoint}'
    try {
      process.exitCode = await command(process.argv.slice(2))
    } catch ({ name, message }) {
      console.error(name === 'UsageError' ? message + '\\n(${name} -- --help says what there is)' : message)
      process.exitCode = name === 'UsageError' ? 2 : 1
    }`
  const isSoftware = /--adapter[= ]software/.test(process.argv.join(' '))
  const { program, flags, env } = await (place === 'deno' ? inDeno(isSoftware) : inNode(isSoftware))
  return bundled({ stdin: { contents, resolveDir: root }, packages: 'bundle' }, (file) => {
    const child = spawn(program, [...flags, file, ...process.argv.slice(2)], { stdio: 'inherit', env })
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
      process.on(signal, () => child.kill(signal))
    }
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve(code ?? 1))
    })
  })
}

/** @param {boolean} isSoftware */
async function inDeno(isSoftware) {
  const cache = join(root, '.cache/deno')
  await mkdir(cache, { recursive: true })
  const { XDG_RUNTIME_DIR = cache } = process.env // Mesa complains where nobody has logged in
  const folders = { XDG_CACHE_HOME: cache, XDG_RUNTIME_DIR, DENO_DIR: cache }
  const software = isSoftware ? await softwareVulkan() : {}
  const env = { ...process.env, ...software, ...folders, DENO_NO_UPDATE_CHECK: '1' }
  return { program: await findDeno(), flags: denoRun, env }
}

/** @param {boolean} isSoftware */
async function inNode(isSoftware) {
  const modules = await installApart('bench/node', 'WebGPU for Node, the package webgpu')
  const software = isSoftware ? await softwareDawn() : {}
  return { program: process.execPath, flags: [], env: { ...process.env, ...software, NODE_PATH: modules } }
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
    await bundle({ packages: 'external', ...program, outfile, platform: 'node', sourcemap: 'inline' })
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
