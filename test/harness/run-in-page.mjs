// @ts-check
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join, relative } from 'node:path'

/**
 * Runs one bundled file in a fresh page. An outcome that is `broken` needs a new browser.
 *
 * @param {import('./runner.mjs').TestFile} file
 * @param {{ browser: import('puppeteer-core').Browser, base: string, out: string, timeoutMs: number,
 *   device: 'minimal' | 'default' }} options
 * @returns {Promise<import('./runner.mjs').Outcome>}
 */
export async function runInPage(file, { browser, base, out, timeoutMs, device }) {
  /** @type {string[]} */
  const stray = []
  /** @type {string[]} */
  const logged = []
  const none = { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [] }
  /** @type {(why: string) => void} */
  let giveUp = () => {}
  const gaveUp = new Promise((_, reject) => (giveUp = (why) => reject(new Error(why))))
  gaveUp.catch(() => {})
  const timer = setTimeout(() => giveUp(`hangs: not done after ${timeoutMs / 1000} s`), timeoutMs)
  const onDisconnect = () => giveUp('the browser ended')
  browser.on('disconnected', onDisconnect)
  /** @type {import('puppeteer-core').Page | undefined} */
  let page
  try {
    page = await /** @type {Promise<import('puppeteer-core').Page>} */ (Promise.race([browser.newPage(), gaveUp]))
    page.on('pageerror', (error) => stray.push(`uncaught: ${error instanceof Error ? error.stack : error}`))
    page.on('error', (error) => giveUp(`the page crashed: ${error.message}`))
    page.on('console', (message) => logged.push(message.text()))
    const opened = page
    const run = async () => {
      await opened.goto(`${base}/index.html?device=${device}`)
      return opened.evaluate((url, filter) => runTestFile(url, filter), `${base}/${file.name}.mjs`, file.suiteFilter)
    }
    /** @type {import('./page-driver.js').PageResult} */
    const result = await /** @type {Promise<any>} */ (Promise.race([run(), gaveUp]))
    const output = logged.join('\n')
    return inSources({ ...result, stray: [...stray, ...result.stray], output }, out)
  } catch (error) {
    const why = /** @type {Error} */ (error).message
    const state = page?.evaluate(() => globalThis.elboHarness?.current).catch(() => undefined)
    const current = await Promise.race([state, new Promise((resolve) => setTimeout(resolve, 1000))])
    const where = current ? `${why} (in ${current})` : why
    return inSources({ ...none, stray: [...stray, where], output: logged.join('\n'), broken: true }, out)
  } finally {
    clearTimeout(timer)
    browser.off('disconnected', onDisconnect)
    const closing = page?.close().catch(() => {})
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, 1000))])
  }
}

/**
 * Replaces places in bundles by places in the sources.
 *
 * @param {import('./runner.mjs').Outcome} outcome
 * @param {string} out
 */
function inSources(outcome, out) {
  /** @type {Map<string, SourceMap | undefined>} */
  const maps = new Map()
  /** @param {string} text */
  const translate = (text) =>
    text.replace(/https?:\/\/\S+?\/page\/([^\s?:]+\.mjs):(\d+):(\d+)/g, (whole, name, line, column) => {
      if (!maps.has(name)) {
        const path = join(out, `${name}.map`)
        maps.set(name, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8'))) : undefined)
      }
      const entry = maps.get(name)?.findEntry(Number(line) - 1, Number(column) - 1)
      if (!entry || !('originalSource' in entry)) return whole
      const source = relative(process.cwd(), join(out, name, '..', entry.originalSource))
      return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    })
  return { ...outcome, failures: outcome.failures.map(translate), stray: outcome.stray.map(translate) }
}
