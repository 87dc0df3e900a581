// @ts-check
// Starts a command that is written in TypeScript and trains in a page: both are bundled first.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from '../ensure-installed.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Runs the function `command` that a TypeScript file exports, with this process's arguments; sets the exit code.
 *
 * @param {string} entryPoint from the root
 */
export async function launch(entryPoint) {
  try {
    await ensureInstalled()
    const { command } = await loadCommand(entryPoint)
    process.exitCode = await command(process.argv.slice(2), bundlePage)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

/** @param {string} entryPoint @returns {Promise<typeof import('./command.js')>} */
async function loadCommand(entryPoint) {
  const { bundle } = await import('../../../build.mjs')
  const folder = join(root, `.cache/command-${process.pid}`)
  const outfile = join(folder, 'command.mjs')
  try {
    await bundle({ entryPoints: [entryPoint], outfile, platform: 'node', packages: 'external', sourcemap: 'inline' })
    return await import(pathToFileURL(outfile).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The script and the style sheet of the page that trains. */
async function bundlePage() {
  const { bundle } = await import('../../../build.mjs')
  const { outputFiles = [] } = await bundle({
    entryPoints: { page: 'src/tools/train/page.ts', style: 'demo/style.css' },
    outdir: 'page',
    write: false,
    sourcemap: 'inline',
  })
  /** @param {string} extension */
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? ''
  return { script: text('.js'), style: text('.css') }
}
