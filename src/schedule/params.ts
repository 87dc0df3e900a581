import { BufferUsage } from '../device/flags.js'
import { allocate } from '../device/memory.js'
import { KernelError } from '../errors.js'
import { reflectedKernel } from '../kernels/pipelines.js'
import type { Dispatch } from '../ops/dispatch.js'

/** Distance of two dispatches' params: WebGPU's default alignment of a uniform's offset. */
export const PARAMS_STRIDE_BYTES = 256

/**
 * One buffer with the params of every dispatch, for as long as these run.
 * @throws KernelError on a param that the kernel does not have, or one that is missing.
 */
export function paramsBuffer(device: GPUDevice, dispatches: readonly Dispatch[]): GPUBuffer {
  const size = PARAMS_STRIDE_BYTES * Math.max(dispatches.length, 1)
  const data = new DataView(new ArrayBuffer(size))
  dispatches.forEach((dispatch, i) => writeParams(data, i * PARAMS_STRIDE_BYTES, dispatch))
  const buffer = allocate(device, { label: 'params', size, usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST })
  device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer)
  return buffer
}

function writeParams(data: DataView, at: number, { kernel, params = {} }: Dispatch): void {
  const members = reflectedKernel(kernel).params ?? {}
  for (const name of Object.keys(params)) {
    if (!(name in members)) throw new KernelError(`${kernel}: has no param "${name}"`)
  }
  for (const [name, { offset, type }] of Object.entries(members)) {
    const value = params[name]
    if (value === undefined) throw new KernelError(`${kernel}: param "${name}" needs a value`)
    if (type === 'f32') data.setFloat32(at + offset, value, true)
    else data.setUint32(at + offset, value, true)
  }
}
