// @ts-check
import { nothing } from './outcome.mjs'
import { inSources } from './sources.mjs'

/**
 * Runs one bundled file in a fresh page. An outcome that is `broken` needs a new browser.
 *
 * @param {import('./test-file.mjs').TestFile} file
 * @param {{ browser: import('puppeteer-core').Browser, base: string, out: string, timeoutMs: number,
 *   device: 'minimal' | 'default' }} options
 * @returns {Promise<import('./outcome.mjs').Outcome>}
 */
export async function runInPage(file, { browser, base, out, timeoutMs, device }) {
  /** @type {string[]} */
  const stray = []
  /** @type {string[]} */
  const logged = []
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
      return opened.evaluate((...given) => runTestFile(...given), `${base}/${file.name}.mjs`, file.selection)
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
    return inSources({ ...nothing, stray: [...stray, where], output: logged.join('\n'), broken: true }, out)
  } finally {
    clearTimeout(timer)
    browser.off('disconnected', onDisconnect)
    const closing = page?.close().catch(() => {})
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, 1000))])
  }
}
