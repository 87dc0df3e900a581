import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UnsupportedError } from '../index.js'
import { vulkanVariables } from './vulkan.mjs'

/** Dawn, Chrome's WebGPU, in this process. */
export interface Dawn {
  gpu: GPU
  /** WebGPU's classes and constants, which pages have as globals. */
  globals: object
  /** Of the package webgpu. */
  version: string
}

interface WebGpuPackage {
  create(options: string[]): GPU
  globals: object
}

/** Timestamps are WebGPU's own; Dawn rounds them to 65 µs unless told otherwise. */
const DAWN_OPTIONS = ['enable-dawn-features=allow_unsafe_apis', 'disable-dawn-features=timestamp_quantization']

/** glibc's and musl's: a library stays although whoever opened it closes it. */
const RTLD_NODELETE = 0x1000

/** Dawn frees itself, with every device on it, once nobody holds what `create` gave. */
let dawn: Promise<Dawn> | undefined

/**
 * The package webgpu with an adapter: a GPU's where there is one that Dawn takes, else a software driver's.
 * @throws UnsupportedError that says what to install
 */
export function openDawn(): Promise<Dawn> {
  dawn ??= open().catch((error) => {
    dawn = undefined
    throw error
  })
  return dawn
}

async function open(): Promise<Dawn> {
  const file = packageFile()
  const { create, globals } = await load(file)
  const { version } = JSON.parse(readFileSync(join(dirname(file), 'package.json'), 'utf8'))
  const variables = vulkanVariables()
  const gpu = await withVariables(variables, async () => {
    if (process.platform === 'linux') openVulkanLoader()
    const opened = create(DAWN_OPTIONS)
    return (await opened.requestAdapter()) ? opened : undefined
  })
  if (!gpu) throw new UnsupportedError(`Dawn (webgpu ${version}) finds no adapter: ${wayOut(variables)}`)
  return { gpu, globals, version }
}

/** The package as Node finds it from this file or from the working folder, NODE_PATH included. */
function packageFile(): string {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from).resolve('webgpu')
    } catch {
      // The next place may have it.
    }
  }
  throw new UnsupportedError('Node has no WebGPU of its own, and the package webgpu (Dawn) was not found: npm install webgpu')
}

async function load(file: string): Promise<WebGpuPackage> {
  try {
    return await import(pathToFileURL(file).href)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const way = 'npm install webgpu@latest, or hand in a device: createEngine({ device })'
    throw new UnsupportedError(`the package webgpu (Dawn) does not load on this machine: ${reason}. Try ${way}`, { cause })
  }
}

/** Programs that this one starts later should not find the variables. */
async function withVariables<T>(variables: Record<string, string>, body: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return await body()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

/** Dawn opens the Vulkan loader by its bare name. Where the system has none, the one beside SwiftShader serves. */
function openVulkanLoader(): void {
  const library = 'libvulkan.so.1'
  if (opens(library)) return
  const { VK_DRIVER_FILES, VK_ADD_DRIVER_FILES } = process.env
  for (const driver of (VK_DRIVER_FILES ?? VK_ADD_DRIVER_FILES ?? '').split(':')) {
    if (driver && opens(join(dirname(driver), library))) return
  }
}

/** Whether a shared library can be opened; it stays open. */
function opens(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE)
    return true
  } catch (error) {
    return /self-register/.test(String(error)) // it is open, and no module of Node's
  }
}

function wayOut({ VK_ADD_DRIVER_FILES: added, VK_DRIVER_FILES: only }: Record<string, string>): string {
  if (process.platform !== 'linux') return 'update the graphics driver'
  const hardware = "install the GPU's Vulkan driver and the loader (Debian: apt-get install libvulkan1)"
  const software = 'Chrome or Chromium for their software driver (npx @puppeteer/browsers install chrome, apt-get install chromium)'
  const refused = added ?? only ?? process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES
  return `${hardware}, or ${software}${refused ? `; it does not take ${refused}` : ''}`
}
