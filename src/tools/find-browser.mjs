// @ts-check
// Finds a browser with WebGPU: one named by the environment, an installed one, or one that it downloads or installs.
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { puppeteerCache } from '../node/vulkan.mjs'
import { aptInstall, rootOn } from './apt.mjs'

const resolveTimeoutMs = 15_000
const downloadTimeoutMs = 10 * 60_000

/**
 * @typedef {object} Surroundings
 * @property {Record<string, string | undefined>} env
 * @property {NodeJS.Platform} platform
 * @property {(path: string) => boolean} exists
 * @property {(path: string) => boolean} works the program starts and tells its version
 * @property {() => Promise<string | undefined>} download Chrome for Testing, by puppeteer's installer
 * @property {() => Promise<string | undefined>} aptInstall Debian's Chromium
 * @property {'debian' | 'ubuntu' | undefined} rootOn the distribution, where this is root on one of the two
 */

/** @type {Surroundings} */
const here = {
  env: process.env,
  platform: process.platform,
  exists: existsSync,
  works,
  download,
  aptInstall: aptChromium,
  rootOn: rootOn(),
}

/**
 * The path of a Chrome, Chromium or Edge. Looks at `CHROME_PATH` and `PUPPETEER_EXECUTABLE_PATH`, then for an installed
 * browser, then in puppeteer's cache; then downloads Chrome for Testing or, as root on Debian and Ubuntu, asks apt-get.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @returns {Promise<string>}
 */
export async function findBrowser(surroundings) {
  const around = { ...here, ...surroundings }
  for (const name of ['CHROME_PATH', 'PUPPETEER_EXECUTABLE_PATH']) {
    const path = around.env[name]
    if (!path) continue
    if (around.exists(path)) return path
    throw new Error(`${name} is ${path}, which does not exist; point it at a Chrome, Chromium or Edge, or unset it`)
  }
  for (const path of installedPaths(around)) if (around.exists(path) && around.works(path)) return path
  for (const path of await cachedPaths(around)) if (around.works(path)) return path

  // Debian's package brings the libraries that a bare machine lacks; Ubuntu's is an empty shell around a snap.
  const { download, aptInstall } = around
  const ways = around.rootOn === 'debian' ? [aptInstall, download] : around.rootOn ? [download, aptInstall] : [download]
  for (const way of ways) {
    const path = await way()
    if (path && around.works(path)) return path
  }
  throw new Error(`no browser with WebGPU was found, and none could be installed. Any one of these helps:
  - install Google Chrome, Chromium or Microsoft Edge (Debian: apt-get install chromium)
  - set CHROME_PATH to the program's path
  - run "npx @puppeteer/browsers install chrome@stable --path ${puppeteerCache(around.env)}" where there is a network`)
}

/** Where installers put browsers. @param {Surroundings} around */
function installedPaths({ env, platform }) {
  const paths = []
  if (platform === 'win32') {
    for (const folder of [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA]) {
      if (!folder) continue
      paths.push(join(folder, 'Google/Chrome/Application/chrome.exe'), join(folder, 'Chromium/Application/chrome.exe'))
      paths.push(join(folder, 'Microsoft/Edge/Application/msedge.exe'))
    }
    return paths
  }
  const names = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser']
  names.push('microsoft-edge-stable', 'microsoft-edge')
  if (platform === 'darwin') {
    for (const folder of ['/Applications', join(homedir(), 'Applications')]) {
      for (const name of ['Google Chrome', 'Chromium', 'Microsoft Edge', 'Google Chrome Canary']) {
        paths.push(join(folder, `${name}.app/Contents/MacOS/${name}`))
      }
    }
  }
  for (const name of names) {
    for (const folder of (env.PATH ?? '').split(delimiter)) if (folder) paths.push(join(folder, name))
  }
  return paths
}

/** Full Chromes, newest first; the headless shell beside them has no WebGPU. @param {Surroundings} around */
async function cachedPaths({ env, exists }) {
  const folder = puppeteerCache(env)
  if (!exists(folder)) return []
  const { getInstalledBrowsers } = await import('@puppeteer/browsers')
  const found = await getInstalledBrowsers({ cacheDir: folder }).catch(() => [])
  return found
    .filter(({ browser, executablePath }) => (browser === 'chrome' || browser === 'chromium') && exists(executablePath))
    .sort((a, b) => b.buildId.localeCompare(a.buildId, 'en', { numeric: true }))
    .map(({ executablePath }) => executablePath)
}

/** @param {string} path */
function works(path) {
  // A link such as Ubuntu's chromium-browser may end in the snap's launcher or in the headless shell.
  if (/headless[-_]shell/.test(basename(realpathSync(path)))) return false
  // Chrome on Windows opens a window when asked for its version.
  if (process.platform === 'win32') return true
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return status === 0 && /\d+\.\d+/.test(stdout)
}

async function download() {
  const installer = await import('@puppeteer/browsers')
  const { computeExecutablePath, detectBrowserPlatform, install, resolveBuildId, Browser } = installer
  const platform = detectBrowserPlatform()
  if (!platform) return undefined
  const cacheDir = puppeteerCache(process.env)
  try {
    const buildId = await within(resolveTimeoutMs, resolveBuildId(Browser.CHROME, platform, 'stable'))
    console.error(`No browser found; downloading Chrome for Testing ${buildId} to ${cacheDir} …`)
    let shown = 0
    const installing = install({
      browser: Browser.CHROME,
      buildId,
      cacheDir,
      platform,
      installDeps: rootOn() !== undefined,
      downloadProgressCallback(bytes, total) {
        const percent = Math.floor((100 * bytes) / total)
        if (percent < shown + 10) return
        shown = percent
        console.error(`  ${percent} % of ${Math.round(total / 1e6)} MB`)
      },
    })
    await within(downloadTimeoutMs, installing)
    return computeExecutablePath({ browser: Browser.CHROME, buildId, cacheDir, platform })
  } catch (error) {
    console.error(`Chrome for Testing could not be downloaded: ${String(error).split('\n')[0]}`)
    return undefined
  }
}

async function aptChromium() {
  if (!(await aptInstall(['chromium']))) return undefined
  return ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path))
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function within(ms, promise) {
  promise.catch(() => {})
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (late)])
  } finally {
    clearTimeout(timer)
  }
}
