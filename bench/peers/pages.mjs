// @ts-check
// Bundles the pages of a comparison, and opens and calls them within limits of time.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { bundle } from '../../build.mjs'

/** @typedef {import('./results.js').LibraryName} LibraryName */
/** @typedef {import('./page/main.js').Page} Page */

/** In the order in which they take turns. @type {LibraryName[]} */
export const libraryNames = ['elbo', 'tfjs', 'jax-js']

/**
 * A page of its own for every library, each with its files in a folder by its name.
 *
 * @param {string} folder
 * @param {string} modules where the libraries are installed
 */
export async function bundlePages(folder, modules) {
  const common = { minify: true, sourcemap: false }
  await bundle({ ...common, entryPoints: ['bench/peers/page/main.ts'], outfile: join(folder, 'main.js') })
  for (const name of libraryNames) {
    await bundle({
      ...common,
      entryPoints: [`bench/peers/page/${name}.ts`],
      outdir: join(folder, name),
      splitting: true,
      nodePaths: [modules],
    })
  }
  const html = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="main.js"></script>'
  await writeFile(join(folder, 'index.html'), html)
}

/** @param {LibraryName} library @param {string} modules @returns {Promise<string>} */
export async function versionOf(library, modules) {
  const packages = { tfjs: '@tensorflow/tfjs-core', 'jax-js': '@jax-js/jax' }
  const folder = library === 'elbo' ? fileURLToPath(new URL('../..', import.meta.url)) : join(modules, packages[library])
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')).version
}

/** @param {string} folder @param {string[]} files paths from the server's root */
export async function sizeOf(folder, files) {
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file))))
  return {
    minifiedBytes: texts.reduce((sum, text) => sum + text.length, 0),
    gzipBytes: texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0),
  }
}

/** A page that has a limited time for everything. */
export class PeerPage {
  #tab
  /** @type {Promise<never>} */
  #crashed
  #usedMs = 0

  /**
   * @param {LibraryName} library
   * @param {import('puppeteer-core').Page} tab
   * @param {number} limitMs
   */
  constructor(library, tab, limitMs) {
    this.library = library
    this.limitMs = limitMs
    this.#tab = tab
    this.#crashed = new Promise((_, reject) => {
      tab.on('error', (error) => reject(new Error(`the page crashed: ${error.message}`)))
      tab.browser().on('disconnected', () => reject(new Error('the browser ended')))
    })
    this.#crashed.catch(() => {})
  }

  /** @param {import('puppeteer-core').Browser} browser @param {string} origin @param {LibraryName} library @param {number} limitMs */
  static async open(browser, origin, library, limitMs) {
    const tab = await browser.newPage()
    await tab.goto(`${origin}/index.html`)
    return new PeerPage(library, tab, limitMs)
  }

  /** Ends what it does. */
  async close() {
    await this.#tab.close().catch(() => {})
  }

  /** Milliseconds left of the limit. */
  get leftMs() {
    return this.limitMs - this.#usedMs
  }

  /**
   * @template {keyof Page} K
   * @param {K} name
   * @param {Parameters<Page[K]>} given
   * @returns {Promise<Awaited<ReturnType<Page[K]>>>} rejects when it takes longer than what is left
   */
  async call(name, ...given) {
    await this.#tab.bringToFront()
    const start = performance.now()
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const late = new Promise((_, reject) => {
      const message = `stopped in "${name}": more than ${this.limitMs / 1000} s`
      timer = setTimeout(() => reject(new Error(message)), this.leftMs)
    })
    try {
      const running = this.#tab.evaluate(
        (name, given) => /** @type {any} */ (globalThis.peer)[name](...given),
        name, given,
      )
      running.catch(() => {})
      return await Promise.race([running, late, this.#crashed])
    } finally {
      clearTimeout(timer)
      this.#usedMs += performance.now() - start
    }
  }
}
