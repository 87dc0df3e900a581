// @ts-check
// npm run train -- --preset mlp --data mnist: see src/tools/train/options.ts, or --help.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ensureInstalled } from './ensure-installed.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The command's own TypeScript, bundled and loaded. @returns {Promise<typeof import('./train/command.js')>} */
async function loadCommand() {
  const { bundle } = await import('../../build.mjs')
  const folder = join(root, `.cache/train-${process.pid}`)
  const outfile = join(folder, 'command.mjs')
  try {
    await bundle({
      entryPoints: ['src/tools/train/command.ts'],
      outfile,
      platform: 'node',
      packages: 'external',
      sourcemap: 'inline',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The script and the style sheet of the page that trains. */
async function bundlePage() {
  const { bundle } = await import('../../build.mjs')
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

try {
  await ensureInstalled()
  const { command } = await loadCommand()
  process.exitCode = await command(process.argv.slice(2), bundlePage)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
