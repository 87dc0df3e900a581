// @ts-check
// The Node side: bundles and serves the page, runs it in a headless browser, prints and writes what it measured.
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../build.mjs'
import { launchBrowser } from '../src/tools/browser.mjs'
import { serve } from '../src/tools/serve.mjs'
import { comparePeers } from './peers/host.mjs'
import { adapterName, markdown } from './report.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Fine-grained clocks are only given to pages isolated from others. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

/**
 * Where and when a run took place.
 *
 * @typedef {object} Environment
 * @property {string} date
 * @property {string} commit with "+" where files of the repository differ from it
 * @property {string} browser
 * @property {string} node
 * @property {string} platform
 * @property {string} processor
 * @property {number} cores
 * @property {number} seed
 * @property {boolean} quick
 * @property {string} arguments
 *
 * @typedef {Environment & Pick<import('./peers/results.js').PeersResult, 'libraries' | 'presets'>} PeersReport
 * @typedef {Environment & import('./results.js').PageReport & { peers?: PeersReport }} Report
 */

/** @param {import('./options.mjs').CommandLine} options @returns {Promise<boolean>} whether every check passed */
export async function runBench(options) {
  const report = options.peers ? await measurePeers(options) : await measure(options)
  console.log(markdown(report))
  const file = outputFile(options, report)
  if (file) {
    await mkdir(dirname(file), { recursive: true })
    const whole = options.out ? report : await completed(file, report)
    await writeFile(file, `${JSON.stringify(whole, null, 1)}\n`)
    console.error(`Wrote ${relative(process.cwd(), file)}`)
  }
  const failed = report.kernels.filter(({ check }) => check.state === 'failed')
  for (const { kernel, shape, check } of failed) console.error(`${kernel} ${shape} is wrong: ${check.detail}`)
  return failed.length === 0
}

/** @param {import('./options.mjs').CommandLine} options @returns {Promise<Report>} */
async function measure({ adapter, filter, presets, profile, quick, seed }) {
  const folder = join(root, `.cache/bench-${process.pid}`)
  /** @type {(() => Promise<unknown>)[]} */
  const cleanup = [() => rm(folder, { recursive: true, force: true })]
  try {
    await bundle({ entryPoints: ['bench/page/main.ts'], outfile: join(folder, 'main.js'), naive: true })
    const page = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="main.js"></script>'
    await writeFile(join(folder, 'index.html'), page)
    const server = await serve({ mounts: { '/': folder }, headers: isolation })
    cleanup.push(server.close)
    const launched = await launchBrowser({ adapter })
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
    const running = tab.evaluate((given) => globalThis.elboBench(given), { filter, presets, profile, quick, seed })
    const measured = await Promise.race([running, crashed])
    return { ...environment(seed, quick), browser: await launched.browser.version(), ...measured }
  } finally {
    for (const end of cleanup.reverse()) await end()
  }
}

/** @param {import('./options.mjs').CommandLine} options @returns {Promise<Report>} */
async function measurePeers(options) {
  const { adapter, isSoftware, browser, libraries, presets } = await comparePeers(options)
  const place = { ...environment(options.seed, options.quick), browser }
  const nothingElse = { clock: /** @type {const} */ ('queue completion'), kernels: [], presets: [], uncovered: [] }
  return { ...place, adapter, isSoftware, ...nothingElse, peers: { ...place, libraries, presets } }
}

/**
 * With what an earlier run of the day has measured: the comparison with other libraries is a run of its own.
 *
 * @param {string} file
 * @param {Report} report
 * @returns {Promise<Report>}
 */
async function completed(file, report) {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  /** @type {Report | undefined} */
  const earlier = text === undefined ? undefined : JSON.parse(text)
  if (!earlier) return report
  return report.peers ? { ...earlier, peers: report.peers } : { ...report, peers: earlier.peers }
}

/** @param {number} seed @param {boolean} quick */
function environment(seed, quick) {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    seed,
    quick,
    arguments: process.argv.slice(2).join(' '),
  }
}

function commit() {
  /** @param {string[]} args */
  const git = (...args) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return git('rev-parse', '--short', 'HEAD') + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

/**
 * Where the JSON goes: a partial run leaves the results folder alone.
 *
 * @param {import('./options.mjs').CommandLine} options
 * @param {Report} report
 */
function outputFile({ out, quick, filter, presets, profile }, report) {
  if (out) return resolve(out)
  if (quick || filter || profile || presets.length > 0) return undefined
  const slug = adapterName(report.adapter).toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return join(root, `bench/results/${report.date.slice(0, 10)}-${slug}.json`)
}
