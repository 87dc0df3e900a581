import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Dawn {
  create(options: string[]): GPU
  globals: object
}

/** Timestamps are WebGPU's own; Dawn rounds them to 65 µs unless told otherwise. */
const DAWN_OPTIONS = ['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization']

/**
 * Puts `navigator.gpu` and WebGPU's constants where pages have them: those that are there already, or the package webgpu
 * as Node finds it from the working folder or from this file, NODE_PATH included.
 * @returns what it is, with its version
 */
export async function provideWebGpu(): Promise<string> {
  if (globalThis.navigator?.gpu) return 'the WebGPU of this process'
  const file = packageFile()
  const { create, globals }: Dawn = await import(pathToFileURL(file).href)
  Object.assign(globalThis, globals)
  const holder = globalThis as { navigator?: object }
  holder.navigator ??= {}
  // Dawn frees itself with this object, so it lives as long as the process.
  Object.defineProperty(holder.navigator, 'gpu', { value: create(DAWN_OPTIONS), configurable: true })
  const { version } = JSON.parse(readFileSync(join(dirname(file), 'package.json'), 'utf8'))
  return `Dawn (webgpu ${version})`
}

function packageFile(): string {
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      return createRequire(from).resolve('webgpu')
    } catch {
      // The next place may have it.
    }
  }
  throw new Error('the package webgpu was not found: npm install webgpu, or set NODE_PATH to a node_modules that has it')
}
