// @ts-check
// Runs the benchmark where it is asked for: in a page of a headless browser, which it bundles and serves, or in Node.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../build.mjs'
import { launchBrowser } from '../src/tools/browser.mjs'
import { serve } from '../src/tools/serve.mjs'
import { buildNodeBench, runNodeBench } from './node/host.mjs'
import { comparePeers } from './peers/host.mjs'
import { commitOf, environment, publish } from './publish.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Fine-grained clocks are only given to pages isolated from others. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

/** @typedef {import('./record.js').Report} Report */

/**
 * @param {import('./options.mjs').CommandLine} options
 * @param {string[]} args what they were parsed from
 * @returns {Promise<boolean>} whether every check passed
 */
export async function runBench(options, args) {
  if (options.buildOnly) return buildNodeBench(options.buildOnly)
  if (options.runtime === 'node') return runNodeBench(options, args)
  const report = options.peers ? await measurePeers(options) : await measure(options)
  return publish(report, options, join(root, 'bench/results'))
}

/** @param {import('./options.mjs').CommandLine} options @returns {Promise<Report>} */
async function measure(options) {
  const folder = join(root, `.cache/bench-${process.pid}`)
  /** @type {(() => Promise<unknown>)[]} */
  const cleanup = [() => rm(folder, { recursive: true, force: true })]
  try {
    await bundle({ entryPoints: ['bench/page/main.ts'], outfile: join(folder, 'main.js'), naive: true })
    const page = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="main.js"></script>'
    await writeFile(join(folder, 'index.html'), page)
    const server = await serve({ mounts: { '/': folder }, headers: isolation })
    cleanup.push(server.close)
    const launched = await launchBrowser({ adapter: options.adapter })
    cleanup.push(launched.close)
    const tab = await launched.browser.newPage()
    tab.on('console', (message) => console.error(`  ${message.text()}`))
    const crashed = new Promise((_, reject) => {
      tab.on('error', (error) => reject(new Error(`the page crashed: ${error.message}`)))
      tab.on('pageerror', (error) => reject(error))
      launched.browser.on('disconnected', () => reject(new Error('the browser ended')))
    })
    crashed.catch(() => {})
    await tab.goto(`${server.origin}/index.html`)
    const running = tab.evaluate((given) => globalThis.elboBench(given), options)
    const measured = await Promise.race([running, crashed])
    const runtime = await launched.browser.version()
    return { ...environment(options, { commit: commitOf(root), runtime }), ...measured }
  } finally {
    for (const end of cleanup.reverse()) await end()
  }
}

/** @param {import('./options.mjs').CommandLine} options @returns {Promise<Report>} */
async function measurePeers(options) {
  const { adapter, isSoftware, browser, libraries, presets } = await comparePeers(options)
  const place = environment(options, { commit: commitOf(root), runtime: browser })
  const nothingElse = { clock: /** @type {const} */ ('queue completion'), kernels: [], presets: [], uncovered: [] }
  return { ...place, adapter, isSoftware, ...nothingElse, peers: { ...place, libraries, presets } }
}
