import { kernels, libraries, type ReflectedKernel } from 'elbo:kernels'
import { scoped } from '../device/faults.js'
import { SHADER_STAGE_COMPUTE } from '../device/flags.js'
import { KernelError } from '../errors.js'

/** A compiled kernel with the constants it was compiled for. */
export interface Pipeline {
  name: string
  pipeline: GPUComputePipeline
  layout: GPUBindGroupLayout
  reflected: ReflectedKernel
  workgroup: [x: number, y: number, z: number]
}

/** The reflected kernel of that name. */
export function reflectedKernel(name: string): ReflectedKernel {
  const reflected = kernels[name]
  if (!reflected) throw new KernelError(`there is no kernel "${name}"; there are ${Object.keys(kernels).join(', ')}`)
  return reflected
}

/** Workgroup size of a kernel under these constants. */
export function workgroupSize(name: string, constants: Record<string, number>): [number, number, number] {
  const { workgroup, overrides } = reflectedKernel(name)
  return workgroup.map((part) => {
    const size = /^\d/.test(part) ? parseInt(part) : (constants[part] ?? parseInt(overrides[part] ?? ''))
    if (!(size >= 1)) throw new KernelError(`${name}: workgroup size "${part}" has no value`)
    return size
  }) as [number, number, number]
}

const caches = new WeakMap<GPUDevice, PipelineCache>()

/** The pipelines of a device, which all that runs on it shares: a second engine there compiles nothing anew. */
export function pipelinesOf(device: GPUDevice): PipelineCache {
  let known = caches.get(device)
  if (!known) caches.set(device, (known = new PipelineCache(device)))
  return known
}

/** Compiles kernels asynchronously, each combination of kernel and constants once. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Promise<Pipeline>>()
  private readonly modules = new Map<string, Module>()

  constructor(private readonly device: GPUDevice) {}

  /** Number of different pipelines at hand or being compiled. */
  get size(): number {
    return this.pipelines.size
  }

  /**
   * A pipeline that the GPU refuses is forgotten, so that the next call tries again.
   * @param constants every override of the kernel that has no default, by name.
   * @throws KernelError on an unknown or missing name, or with file, line and column when the kernel does not compile.
   */
  get(name: string, constants: Record<string, number>): Promise<Pipeline> {
    const key = `${name} ${JSON.stringify(constants)}`
    const known = this.pipelines.get(key)
    if (known) return known
    const pipeline = this.compile(name, constants)
    this.pipelines.set(key, pipeline)
    pipeline.catch(() => {
      this.pipelines.delete(key)
      this.modules.delete(name)
    })
    return pipeline
  }

  private async compile(name: string, constants: Record<string, number>): Promise<Pipeline> {
    const reflected = reflectedKernel(name)
    checkConstants(name, reflected, constants)
    const { result, fault } = scoped(this.device, name, () => {
      const { module, layout } = this.module(name, reflected)
      const bindGroupLayouts = [layout]
      return { module, layout, pipelineLayout: this.device.createPipelineLayout({ label: name, bindGroupLayouts }) }
    })
    const { module, layout, pipelineLayout } = result
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label: name,
        layout: pipelineLayout,
        compute: { module, entryPoint: name, constants },
      })
      const refused = await fault
      if (refused) throw refused
      return { name, pipeline, layout, reflected, workgroup: workgroupSize(name, constants) }
    } catch (error) {
      throw new KernelError(await explain(module, name, reflected, error), { cause: error })
    }
  }

  private module(name: string, reflected: ReflectedKernel): Module {
    let entry = this.modules.get(name)
    if (!entry) {
      const entries = Object.entries(reflected.bindings).map(([variable, { binding, type, sizeBytes }]) => ({
        binding,
        visibility: SHADER_STAGE_COMPUTE,
        buffer: { type, hasDynamicOffset: variable === 'step', minBindingSize: sizeBytes ?? 0 },
      }))
      entry = {
        module: this.device.createShaderModule({ label: name, code: wholeCode(reflected) }),
        layout: this.device.createBindGroupLayout({ label: name, entries }),
      }
      this.modules.set(name, entry)
    }
    return entry
  }
}

interface Module {
  module: GPUShaderModule
  layout: GPUBindGroupLayout
}

function checkConstants(name: string, { overrides }: ReflectedKernel, constants: Record<string, number>) {
  for (const constant of Object.keys(constants)) {
    if (!(constant in overrides)) throw new KernelError(`${name}: has no override "${constant}"`)
  }
  for (const [override, fallback] of Object.entries(overrides)) {
    if (fallback === null && !(override in constants)) throw new KernelError(`${name}: override "${override}" needs a value`)
  }
}

function wholeCode(kernel: ReflectedKernel): string {
  return [kernel.code, ...kernel.libraries.map((library) => libraries[library])].join('\n')
}

/** `shaders/dense_forward.wgsl:27:12: unresolved value 'ww'`, then the line and a caret. */
async function explain(module: GPUShaderModule, name: string, kernel: ReflectedKernel, error: unknown) {
  const { messages } = await module.getCompilationInfo()
  const first = messages.find((message) => message.type === 'error')
  if (!first) return `${name}: ${error instanceof Error ? error.message : String(error)}`
  const [file, lineNumber] = placeOf(kernel, name, first.lineNum)
  const line = wholeCode(kernel).split('\n')[first.lineNum - 1] ?? ''
  const caret = ' '.repeat(Math.max(first.linePos - 1, 0)) + '^'
  return `${file}:${lineNumber}:${first.linePos}: ${first.message}\n  ${line}\n  ${caret}`
}

/** The file and its line that a line of the whole code comes from. */
function placeOf({ code, libraries: needed }: ReflectedKernel, name: string, line: number): [string, number] {
  let [file, rest] = [`shaders/${name}.wgsl`, line]
  let length = code.split('\n').length
  for (const library of needed) {
    if (rest <= length) break
    rest -= length
    file = `shaders/lib/${library}.wgsl`
    length = libraries[library].split('\n').length
  }
  return [file, rest]
}
