// @ts-check
// Starts a headless browser with WebGPU on the adapter asked for.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import puppeteer from 'puppeteer-core'
import { findBrowser } from './find-browser.mjs'
import { findFirefox, softwareVulkan } from './find-firefox.mjs'

export { findBrowser }

const chromeFlags = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
  '--enable-precise-memory-info',
  '--js-flags=--expose-gc',
]
const softwareFlags = ['--use-webgpu-adapter=swiftshader']
/** As Chrome's flags: WebGPU wherever there is an adapter, in Workers too, and no slower timers in the background. */
const firefoxPreferences = {
  'dom.webgpu.enabled': true,
  'dom.webgpu.workers.enabled': true,
  'gfx.webgpu.ignore-blocklist': true,
  'dom.min_background_timeout_value': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
}
const signals = /** @type {const} */ ({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })
let listening = false
const hardwareFlags = process.platform === 'linux' ? ['--enable-features=Vulkan'] : []

/**
 * @typedef {object} Launched
 * @property {import('puppeteer-core').Browser} browser
 * @property {'software' | 'default'} adapter what the browser was asked for in the end; `default` may be a software
 *   adapter too, so a benchmark reads the adapter's own description
 * @property {string} executablePath
 * @property {() => Promise<void>} close ends the browser, also one that no longer answers, and removes its profile
 */

/**
 * Launches a browser with a fresh profile.
 *
 * @param {object} [options]
 * @param {'chrome' | 'firefox'} [options.brand] `chrome` also stands for Chromium and Edge
 * @param {'software' | 'default'} [options.adapter] `default` is the machine's own adapter, and the software one where
 *   the browser offers no other: SwiftShader in Chrome, Mesa's llvmpipe in Firefox
 * @param {boolean} [options.headless]
 * @param {string[]} [options.args] further command-line flags
 * @returns {Promise<Launched>}
 */
export async function launchBrowser({ brand = 'chrome', adapter = 'software', headless = true, args = [] } = {}) {
  const executablePath = brand === 'firefox' ? await findFirefox() : await findBrowser()
  const common = { executablePath, headless, args }
  if (adapter === 'default') {
    const launched = await launch(brand, 'default', common)
    if (await hasAdapter(launched.browser)) return launched
    await launched.close()
    const software = brand === 'firefox' ? 'llvmpipe' : 'SwiftShader'
    console.error(`The browser offers no GPU adapter here; going on with its software adapter (${software}).`)
  }
  return launch(brand, 'software', common)
}

/**
 * @param {'chrome' | 'firefox'} brand
 * @param {'software' | 'default'} adapter
 * @param {{ executablePath: string, headless: boolean, args: string[] }} common
 * @returns {Promise<Launched>}
 */
async function launch(brand, adapter, common) {
  const { executablePath } = common
  const driver = brand === 'firefox' && adapter === 'software' ? await softwareVulkan() : {}
  const userDataDir = mkdtempSync(join(tmpdir(), 'elbo-browser-'))
  const removeProfile = () => {
    try {
      rmSync(userDataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    } catch {
      // A browser that is still ending may hold it; it is a temporary folder.
    }
  }
  const adapterFlags = adapter === 'software' ? softwareFlags : hardwareFlags
  /** @type {import('puppeteer-core').LaunchOptions} */
  const own =
    brand === 'firefox'
      ? { browser: 'firefox', extraPrefsFirefox: firefoxPreferences, env: { ...process.env, ...driver } }
      : { args: [...chromeFlags, ...adapterFlags, ...common.args] }
  const options = {
    ...common,
    ...own,
    userDataDir,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    protocolTimeout: 0,
    timeout: 60_000,
  }
  exitOnSignals()
  const watchdog = startWatchdog(userDataDir)
  const browser = await puppeteer.launch(options).catch((error) => {
    watchdog.stdin.end('done')
    removeProfile()
    throw new Error(`${executablePath} did not start: ${error.message}`, { cause: error })
  })
  watchdog.stdin.write(`${browser.process()?.pid}\n`)
  // Puppeteer's own listener, which comes first, kills the browser.
  process.on('exit', removeProfile)
  const close = async () => {
    const timer = setTimeout(() => browser.process()?.kill('SIGKILL'), 5000)
    await browser.close().catch(() => browser.process()?.kill('SIGKILL'))
    clearTimeout(timer)
    watchdog.stdin.end('done')
    removeProfile()
    process.off('exit', removeProfile)
  }
  return { browser, adapter, executablePath, close }
}

/** Ends the browser of a profile when this process is killed, which runs no exit listener. @param {string} profile */
function startWatchdog(profile) {
  const script = fileURLToPath(new URL('browser-watchdog.mjs', import.meta.url))
  const watchdog = spawn(process.execPath, [script, profile], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watchdog.unref()
  const stdin = /** @type {import('node:net').Socket} */ (watchdog.stdin)
  stdin.unref()
  // Without it the browser still ends with this process, unless that is killed.
  watchdog.on('error', () => {})
  stdin.on('error', () => {})
  return { stdin }
}

/** Makes signals run the exit listeners, which end the browser; a command with listeners of its own decides itself. */
function exitOnSignals() {
  if (listening) return
  listening = true
  for (const [signal, number] of Object.entries(signals)) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number)
    })
  }
}

/**
 * WebGPU needs a secure context, so the question is asked on a page from this machine.
 *
 * @param {Launched['browser']} browser
 */
async function hasAdapter(browser) {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html>')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  const page = await browser.newPage()
  try {
    await page.goto(`http://127.0.0.1:${port}/`)
    const found = page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()))
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, false).unref())
    return Boolean(await Promise.race([found, late]))
  } catch {
    return false
  } finally {
    server.close()
    await page.close().catch(() => {})
  }
}
