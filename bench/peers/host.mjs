// @ts-check
// Trains the same networks with elbo and with other libraries, in pages of one browser that take turns.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launchBrowser } from '../../src/tools/browser.mjs'
import { installApart } from '../../src/tools/install-apart.mjs'
import { serve } from '../../src/tools/serve.mjs'
import { bundlePages, libraryNames, PeerPage, sizeOf, versionOf } from './pages.mjs'
import { prepare, takeTurns } from './turns.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Fine-grained clocks are only given to pages isolated from others. */
const isolation = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

const comparedPresets = ['mlp', 'mlpDeep', 'conv', 'conditional']
const batch = 32
const fullExtent = { rounds: 7, windowMs: 1000, decodeMs: 100 }
const quickExtent = { rounds: 2, windowMs: 300, decodeMs: 50 }
/** The others are measured against elbo: when it takes this long, the run fails. */
const elboLimitMs = 900_000

/**
 * @typedef {import('./results.js').Cell} Cell
 * @typedef {import('./results.js').LibraryName} LibraryName
 * @typedef {import('./results.js').PeersResult} PeersResult
 * @typedef {import('./results.js').PresetComparison} PresetComparison
 * @typedef {import('./page/main.js').Prepared} Prepared
 *
 * @typedef {object} Options
 * @property {'default' | 'software'} adapter
 * @property {string[]} presets empty for all that are compared
 * @property {boolean} quick one preset, few windows
 * @property {number} seed
 * @property {number} peerSeconds most seconds for one library on one preset
 *
 * @typedef {object} Run
 * @property {Options} options
 * @property {string} origin of the pages
 * @property {Map<LibraryName, Prepared>} prepared what each library's page first said
 * @property {string} browser its version
 */

/** @param {Options} options @returns {Promise<PeersResult>} */
export async function comparePeers(options) {
  const modules = await installApart('bench/peers', 'the libraries to compare with')
  const folder = join(root, `.cache/peers-${process.pid}`)
  /** @type {(() => Promise<unknown>)[]} */
  const cleanup = [() => rm(folder, { recursive: true, force: true })]
  try {
    await bundlePages(folder, modules)
    const server = await serve({ mounts: { '/': folder }, headers: isolation })
    cleanup.push(server.close)
    /** @type {Run} */
    const run = { options, origin: server.origin, prepared: new Map(), browser: '' }
    const { presets, quick } = options
    const names = presets.length > 0 ? presets : quick ? comparedPresets.slice(0, 1) : comparedPresets
    /** @type {PresetComparison[]} */
    const compared = []
    for (const preset of names) compared.push({ preset, batch, cells: await comparePreset(run, preset) })
    const libraries = await Promise.all(
      libraryNames.map(async (name) => {
        const files = run.prepared.get(name)?.files ?? []
        return { name, version: await versionOf(name, modules), ...(await sizeOf(folder, files)) }
      }),
    )
    const { adapter, isSoftware } = /** @type {Prepared} */ (run.prepared.get('elbo'))
    return { adapter, isSoftware: isSoftware === true, browser: run.browser, libraries, presets: compared }
  } finally {
    for (const end of cleanup.reverse()) await end()
  }
}

/**
 * In a fresh browser, which has neither compiled shaders nor remembered tilings. A library that fails may leave the GPU
 * busy or the browser broken, so the others then begin again without it.
 *
 * @param {Run} run
 * @param {string} preset
 * @returns {Promise<Cell[]>}
 */
async function comparePreset(run, preset) {
  /** @type {Map<LibraryName, Cell>} */
  const cells = new Map()
  for (;;) {
    const names = libraryNames.filter((name) => !cells.has(name))
    const failed = await compareLibraries(run, preset, names, cells)
    if (!failed) return libraryNames.flatMap((name) => cells.get(name) ?? [])
  }
}

/**
 * @param {Run} run
 * @param {string} preset
 * @param {LibraryName[]} names
 * @param {Map<LibraryName, Cell>} cells gets the results, or that of the first library that fails from the start
 * @returns {Promise<boolean>} whether one did
 */
async function compareLibraries(run, preset, names, cells) {
  const { origin, prepared, options: { adapter, quick, seed, peerSeconds } } = run
  const launched = await launchBrowser({ adapter })
  try {
    run.browser = await launched.browser.version()
    /** @type {import('./turns.mjs').Contestant[]} */
    const contestants = []
    for (const name of names) {
      console.error(`  ${preset}: ${name} starts`)
      const page = await PeerPage.open(launched.browser, origin, name, name === 'elbo' ? elboLimitMs : 1000 * peerSeconds)
      try {
        contestants.push(await prepare(page, { preset, batch, seed }, contestants[0]?.prepared))
      } catch (error) {
        if (name === 'elbo') throw error
        cells.set(name, { library: name, error: error instanceof Error ? error.message : String(error) })
        return true
      }
      if (!prepared.has(name)) prepared.set(name, contestants[contestants.length - 1].prepared)
    }
    console.error(`  ${preset}: ${names.join(', ')} in turns`)
    await takeTurns(contestants, quick ? quickExtent : fullExtent)
    for (const { cell } of contestants) cells.set(cell.library, cell)
    return false
  } finally {
    await launched.close()
  }
}
