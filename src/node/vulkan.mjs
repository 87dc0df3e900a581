// @ts-check
// Vulkan drivers that render on the processor, for machines without a GPU: SwiftShader, which comes with Chrome and
// Chromium, and Mesa's. Only looks at files. Plain JavaScript, since commands run it before anything is bundled.
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * @typedef {object} Surroundings
 * @property {Record<string, string | undefined>} env
 * @property {NodeJS.Platform} platform
 * @property {(path: string) => boolean} exists
 * @property {(folder: string) => string[]} list the names in a folder, none where there is none
 * @property {(path: string) => string} real where links end
 */

/** @type {Surroundings} */
const here = {
  env: process.env,
  platform: process.platform,
  exists: existsSync,
  list: (folder) => (existsSync(folder) ? readdirSync(folder).sort() : []),
  real: realpathSync,
}

/**
 * The variables that the Vulkan loader must find for Dawn to take a GPU where there is one, and else a software driver.
 * No driver is named where the user has named one, where there is none, and elsewhere than on Linux.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @returns {Record<string, string>}
 */
export function vulkanVariables(surroundings) {
  const around = { ...here, ...surroundings }
  const { env, platform } = around
  if (platform !== 'linux') return {}
  /** @type {Record<string, string>} */
  const quiet = env.XDG_RUNTIME_DIR ? {} : { XDG_RUNTIME_DIR: tmpdir() } // a layer of Mesa's complains without it
  if (namesDriver(env)) return quiet
  const driver = swiftShader(around) ?? mesaDriver(around)
  if (!driver) return quiet
  return { ...quiet, ...(hasGpu(around) ? { VK_ADD_DRIVER_FILES: driver } : onlyDriver(driver)) }
}

/** Whether the user has chosen drivers for the Vulkan loader. @param {Surroundings['env']} env */
export function namesDriver({ VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES }) {
  return Boolean(VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES)
}

/** The variables that leave the loader this driver alone; older loaders know the second name. @param {string} driver */
export function onlyDriver(driver) {
  return { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver }
}

/**
 * SwiftShader's description for the Vulkan loader, beside a Chrome, Chromium or Edge. A loader lies there too.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @param {string[]} [browsers] paths of programs to look beside first
 */
export function swiftShader(surroundings, browsers = []) {
  const around = { ...here, ...surroundings }
  const { env, exists, real } = around
  const named = [...browsers, env.CHROME_PATH, env.PUPPETEER_EXECUTABLE_PATH].flatMap((path) =>
    path && exists(path) ? [dirname(real(path))] : [],
  )
  const installed = ['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome', '/opt/microsoft/msedge']
  const folders = [...named, ...installed, ...downloaded(around)]
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find(exists)
}

/** Mesa's description of its software driver. @param {Partial<Surroundings>} [surroundings] replaced by tests */
export function mesaDriver(surroundings) {
  const { list } = { ...here, ...surroundings }
  for (const folder of ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d']) {
    const name = list(folder).find((entry) => /^lvp_icd.*\.json$/.test(entry))
    if (name) return join(folder, name)
  }
  return undefined
}

/** Where puppeteer keeps the browsers that it downloads. @param {Surroundings['env']} env */
export function puppeteerCache(env) {
  return env.PUPPETEER_CACHE_DIR ?? join(homedir(), '.cache/puppeteer')
}

/** Whether Linux has a GPU of any maker, a virtual one of Windows too. @param {Surroundings} around */
function hasGpu({ exists, list }) {
  return list('/dev/dri').some((name) => name.startsWith('renderD')) || ['/dev/nvidiactl', '/dev/dxg'].some(exists)
}

/** The folders of puppeteer's browsers, the newest of each kind first. @param {Surroundings} around */
function downloaded({ env, list }) {
  const cache = puppeteerCache(env)
  return ['chrome', 'chromium', 'chrome-headless-shell'].flatMap((browser) => {
    const builds = list(join(cache, browser)).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    return builds.flatMap((build) => list(join(cache, browser, build)).map((name) => join(cache, browser, build, name)))
  })
}
