import { describe, guarded } from '../checks.js'
import { SpecError } from '../errors.js'

const METHODS = ['createBuffer', 'createShaderModule', 'createBindGroup', 'createCommandEncoder', 'pushErrorScope'] as const

/** What an adapter is called that does not say. */
export const UNKNOWN_ADAPTER = { vendor: '', architecture: '', device: '', description: '' } as GPUAdapterInfo

/**
 * A device of the caller's: of this realm, another, or a binding such as Dawn's for Node, and so known by what it can do.
 * @throws SpecError
 */
export function readDevice(value: unknown, path: string): GPUDevice {
  const refuse = (reason: string, options?: ErrorOptions) => new SpecError(path, reason, options)
  return guarded(() => {
    const device = value as GPUDevice | null
    if (typeof device !== 'object' || device === null) throw refuse(`needs a GPUDevice, got ${describe(value)}`)
    const missing: string[] = METHODS.filter((method) => typeof device[method] !== 'function')
    if (typeof device.queue?.submit !== 'function') missing.push('queue')
    if (typeof device.features?.has !== 'function') missing.push('features')
    if (typeof device.limits?.maxBufferSize !== 'number') missing.push('limits')
    if (typeof device.lost?.then !== 'function') missing.push('lost')
    if (missing.length === 0) return device
    throw refuse(`needs a GPUDevice, got ${describe(value)} without ${missing.join(', ')}`)
  }, refuse)
}

/** Whoever gives adapters: a browser's or a binding's. @throws SpecError */
export function readGpu(value: unknown, path: string): GPU {
  const refuse = (reason: string, options?: ErrorOptions) => new SpecError(path, reason, options)
  return guarded(() => {
    const gpu = value as GPU | null
    if (typeof gpu === 'object' && typeof gpu?.requestAdapter === 'function') return gpu
    throw refuse(`needs a GPU with requestAdapter, as navigator.gpu is, got ${describe(value)}`)
  }, refuse)
}
