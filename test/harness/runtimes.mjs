// @ts-check
// Where files of kernels/, model/ and faults/ run: a page of Chrome or Firefox, or a process of Deno or Node.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launchBrowser } from '../../src/tools/browser.mjs'
import { denoRun, findDeno } from '../../src/tools/find-deno.mjs'
import { softwareVulkan } from '../../src/tools/find-firefox.mjs'
import { softwareDawn } from '../../src/tools/find-vulkan.mjs'
import { installApart } from '../../src/tools/install-apart.mjs'
import { runInPage } from './run-in-page.mjs'
import { runInProcess } from './run-in-process.mjs'

/** @typedef {'chrome' | 'firefox' | 'deno' | 'node'} RuntimeName */

/**
 * @typedef {object} Runtime
 * @property {() => Promise<void>} start finds, installs and starts what is missing; rejects with what to do
 * @property {(file: import('./test-file.mjs').TestFile) => Promise<import('./outcome.mjs').Outcome>} run
 * @property {() => Promise<void>} close
 */

/**
 * @typedef {object} Setting
 * @property {string} out the folder of the bundles
 * @property {string} base where it is served; ends without a slash
 * @property {number} timeoutMs of one file
 * @property {'minimal' | 'default'} device
 * @property {'software' | 'default'} adapter
 */

/** How each is called in what the runner prints. @type {Record<RuntimeName, string>} */
export const titles = { chrome: 'Chrome', firefox: 'Firefox', deno: 'Deno', node: 'Node (Dawn)' }

/** @param {RuntimeName} name @param {Setting} setting @returns {Runtime} */
export function runtimeOf(name, setting) {
  return name === 'chrome' || name === 'firefox' ? new BrowserRuntime(name, setting) : processRuntime(name, setting)
}

/** One browser for the whole run, started when first needed and again after a file broke it. */
export class BrowserRuntime {
  /** @type {import('../../src/tools/browser.mjs').Launched | undefined} */
  #launched
  /** @type {unknown} */
  #failure

  /** @param {'chrome' | 'firefox'} brand @param {Setting} setting */
  constructor(brand, setting) {
    this.brand = brand
    this.setting = setting
  }

  async start() {
    await this.browser()
  }

  async browser() {
    if (this.#launched && !this.#launched.browser.connected) await this.close()
    // Looking for a browser again would take as long and find as little.
    if (this.#failure) throw this.#failure
    try {
      this.#launched ??= await launchBrowser({ brand: this.brand, adapter: this.setting.adapter })
    } catch (error) {
      this.#failure = error
      throw error
    }
    return this.#launched.browser
  }

  /** @param {import('./test-file.mjs').TestFile} file */
  async run(file) {
    const outcome = await runInPage(file, { ...this.setting, browser: await this.browser() })
    if (outcome.broken) await this.close()
    return outcome
  }

  /** Closes the pages that a page test left open. */
  async tidy() {
    const pages = await this.#launched?.browser.pages().catch(() => [])
    for (const page of pages?.slice(1) ?? []) await page.close().catch(() => {})
  }

  async close() {
    await this.#launched?.close()
    this.#launched = undefined
  }
}

/** A process for each file. @param {'deno' | 'node'} name @param {Setting} setting @returns {Runtime} */
function processRuntime(name, { out, timeoutMs, device, adapter }) {
  /** @type {Promise<{ execPath?: string, execArgv?: string[], env: Record<string, string> }> | undefined} */
  let found
  const find = async () => {
    const cache = join(out, 'cache')
    mkdirSync(cache, { recursive: true })
    const software = name === 'node' ? softwareDawn : softwareVulkan
    const driver = adapter === 'software' ? await software() : {}
    // Mesa complains where nobody has logged in.
    const { XDG_RUNTIME_DIR = cache } = process.env
    const env = { ...driver, ELBO_TEST_GPU: device, XDG_CACHE_HOME: cache, XDG_RUNTIME_DIR }
    if (name === 'node') {
      const modules = await installApart('bench/node', 'WebGPU for Node, the package webgpu')
      return { env: { ...env, NODE_PATH: modules } }
    }
    const execArgv = [...denoRun, '--v8-flags=--expose-gc']
    return { execPath: await findDeno(), execArgv, env: { ...env, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: '1' } }
  }
  return {
    start: async () => void (await (found ??= find())),
    run: async (file) => {
      const { env, ...program } = await (found ??= find())
      return runInProcess(file, { out, driver: join(out, 'process-driver.mjs'), timeoutMs, ...program, env })
    },
    close: async () => {},
  }
}
