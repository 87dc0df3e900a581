import { mesaDriver, namesDriver, onlyDriver, swiftShader } from '../../node/vulkan.mjs'
import { CommandError } from '../train/failure.js'

/**
 * Leaves WebGPU in this process a software driver alone: the one that the environment names, else SwiftShader beside a
 * Chrome or Chromium, or Mesa's, which is the one that Deno takes. @throws CommandError where there is none
 */
export function chooseSoftware(): void {
  if (namesDriver(process.env)) return
  if (process.platform !== 'linux') throw new CommandError('--adapter software needs Linux; leave it out')
  const isDeno = 'Deno' in globalThis
  const driver = (isDeno ? undefined : swiftShader()) ?? mesaDriver()
  if (!driver) {
    throw new CommandError('--adapter software finds no driver: install Chrome or Chromium, or name one in VK_DRIVER_FILES')
  }
  Object.assign(process.env, onlyDriver(driver))
}
