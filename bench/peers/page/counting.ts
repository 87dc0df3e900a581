import type { Counts } from '../results.js'

/** Counts what a library asks of WebGPU until the returned function is called. */
export function startCounting(): () => Counts {
  const counts: Counts = { dispatches: 0, bindGroups: 0, buffers: 0, submissions: 0 }
  const restore = [
    counted(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => counts.dispatches++),
    counted(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => counts.dispatches++),
    counted(GPUDevice.prototype, 'createBindGroup', () => counts.bindGroups++),
    counted(GPUDevice.prototype, 'createBuffer', () => counts.buffers++),
    counted(GPUQueue.prototype, 'submit', () => counts.submissions++),
  ]
  return () => {
    for (const undo of restore) undo()
    return counts
  }
}

/** Puts a function before a method of every object of a class; returns how to undo it. */
function counted<K extends string>(prototype: { [name in K]: unknown }, name: K, count: () => void): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!
  const original = descriptor.value as (...given: unknown[]) => unknown
  const value = function (this: unknown, ...given: unknown[]) {
    count()
    return original.apply(this, given)
  }
  Object.defineProperty(prototype, name, { ...descriptor, value })
  return () => Object.defineProperty(prototype, name, descriptor)
}
