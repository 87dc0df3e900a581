// @ts-check
// Finds a Firefox and the Vulkan driver that renders on the processor: Mesa's llvmpipe, which Deno takes too.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { mesaDriver, namesDriver, onlyDriver } from '../node/vulkan.mjs'
import { aptInstall, rootOn } from './apt.mjs'

/**
 * @typedef {object} Surroundings
 * @property {Record<string, string | undefined>} env
 * @property {NodeJS.Platform} platform
 * @property {(path: string) => boolean} exists
 * @property {(folder: string) => string[]} list the names in a folder, none where there is none
 * @property {(path: string) => boolean} works the program starts and tells its version
 * @property {(packages: string[]) => Promise<boolean>} aptInstall
 * @property {'debian' | 'ubuntu' | undefined} rootOn the distribution, where this is root on one of the two
 */

/** @type {Surroundings} */
const here = {
  env: process.env,
  platform: process.platform,
  exists: existsSync,
  list: (folder) => (existsSync(folder) ? readdirSync(folder).sort() : []),
  works,
  aptInstall,
  rootOn: rootOn(),
}

/**
 * The path of a Firefox: `FIREFOX_PATH`, an installed one, or as root on Debian one that apt-get installs.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @returns {Promise<string>}
 */
export async function findFirefox(surroundings) {
  const around = { ...here, ...surroundings }
  const { FIREFOX_PATH: given } = around.env
  if (given) {
    if (around.exists(given)) return given
    throw new Error(`FIREFOX_PATH is ${given}, which does not exist; point it at a Firefox, or unset it`)
  }
  const find = () => installedPaths(around).find((path) => around.exists(path) && around.works(path))
  const found = find()
  if (found) return found
  // Ubuntu's package is an empty shell around a snap, which a headless machine cannot start.
  if (around.rootOn === 'debian' && (await around.aptInstall(['firefox-esr']))) {
    const installed = find()
    if (installed) return installed
  }
  throw new Error('no Firefox was found: install it (Debian: apt-get install firefox-esr), or set FIREFOX_PATH')
}

/**
 * The variables that make a Vulkan loader take llvmpipe: those that are set already, its installed file, or as root on
 * Debian and Ubuntu the one that apt-get installs. Elsewhere than on Linux there is none, and nothing to set.
 *
 * @param {Partial<Surroundings>} [surroundings] replaced by tests
 * @returns {Promise<Record<string, string>>}
 */
export async function softwareVulkan(surroundings) {
  const around = { ...here, ...surroundings }
  if (namesDriver(around.env) || around.platform !== 'linux') return {}
  let driver = mesaDriver(around)
  // The loader, libvulkan1, comes with it.
  if (!driver && around.rootOn && (await around.aptInstall(['mesa-vulkan-drivers']))) driver = mesaDriver(around)
  if (driver) return onlyDriver(driver)
  throw new Error(
    'no Vulkan driver that renders on the processor was found: install Mesa\'s (Debian: apt-get install ' +
      'mesa-vulkan-drivers), or name one with VK_DRIVER_FILES',
  )
}

/** Where installers put Firefox. @param {Surroundings} around */
function installedPaths({ env, platform }) {
  if (platform === 'win32') {
    const folders = [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA]
    return folders.flatMap((folder) => (folder ? [join(folder, 'Mozilla Firefox/firefox.exe')] : []))
  }
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  const paths = ['firefox', 'firefox-esr'].flatMap((name) => folders.map((folder) => join(folder, name)))
  if (platform !== 'darwin') return paths
  const applications = ['/Applications', join(homedir(), 'Applications')]
  return [...applications.map((folder) => join(folder, 'Firefox.app/Contents/MacOS/firefox')), ...paths]
}

/** @param {string} path */
function works(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  return status === 0 && /Firefox \d+/.test(stdout)
}
