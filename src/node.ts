// The package's entry for Node: everything of the main one, whose createEngine finds a GPU by itself.
import { createEngine as createWith, type Engine, type EngineOptions } from './index.js'
import { openDawn } from './node/dawn.js'

export * from './index.js'

/**
 * An engine on the GPU of this machine, through the npm package `webgpu` (Dawn: Vulkan, Metal or Direct3D). Where there
 * is no GPU, it runs on a software driver: SwiftShader, which comes with Chrome and Chromium, or Mesa's; `isSoftware`
 * then says so, and VK_DRIVER_FILES may name another. Runtimes that have WebGPU themselves, such as Deno, use theirs.
 * The process may end with or without `destroy`.
 * @throws UnsupportedError that says what to install
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const given: Partial<EngineOptions> | null = typeof options === 'object' ? options : null
  const isChosen = !given || given.device !== undefined || given.gpu !== undefined
  if (isChosen || globalThis.navigator?.gpu) return createWith(options)
  return createWith({ ...options, gpu: (await openDawn()).gpu })
}
