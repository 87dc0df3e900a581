import { openDawn } from '../../src/node/dawn.js'

/**
 * Puts `navigator.gpu` and WebGPU's constants where pages have them: those that are there already, or Dawn's.
 * @returns what it is, with its version
 * @throws UnsupportedError where Dawn or an adapter is missing
 */
export async function provideWebGpu(): Promise<string> {
  if (globalThis.navigator?.gpu) return 'the WebGPU of this process'
  const { gpu, globals, version } = await openDawn()
  Object.assign(globalThis, globals)
  const holder = globalThis as { navigator?: object }
  holder.navigator ??= {}
  Object.defineProperty(holder.navigator, 'gpu', { value: gpu, configurable: true })
  return `Dawn (webgpu ${version})`
}
