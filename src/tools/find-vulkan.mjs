// @ts-check
// The software driver that Dawn takes in Node: SwiftShader, which comes with a browser.
import { namesDriver, onlyDriver, swiftShader } from '../node/vulkan.mjs'
import { findBrowser } from './find-browser.mjs'

/**
 * The variables that leave Dawn SwiftShader alone: none where the environment names a driver; else those of the one
 * beside a browser, which is downloaded or installed where there is none.
 *
 * @returns {Promise<Record<string, string>>}
 */
export async function softwareDawn() {
  if (namesDriver(process.env)) return {}
  if (process.platform !== 'linux') {
    throw new Error('the software adapter in Node needs Linux; leave out --adapter software, or --runtime node')
  }
  const driver = swiftShader() ?? swiftShader({}, [await findBrowser()])
  if (driver) return onlyDriver(driver)
  throw new Error('no SwiftShader beside the browser: set VK_DRIVER_FILES to a vk_swiftshader_icd.json, or CHROME_PATH')
}
