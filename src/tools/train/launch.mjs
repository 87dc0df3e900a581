// @ts-check
// Starts a command that is written in TypeScript and trains in a page: both are bundled first.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from '../ensure-installed.mjs'

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
    entryPoints: { page: 'src/tools/train/page.ts', style: 'src/tools/drawing/colours.css' },
    outdir: 'page',
    write: false,
    sourcemap: 'inline',
  })
  /** @param {string} extension */
  const text = (extension) => outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? ''
  return { script: text('.js'), style: text('.css') }
}
