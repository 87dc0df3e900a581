/** Counts what is made on a device and how much is under way. */
export interface Counts {
  buffers: number
  destroyedBuffers: number
  bindGroups: number
  pipelines: number
  modules: number
  submissions: number
  /** Results of submissions that the host waits for, now and at most. */
  awaited: number
  mostAwaited: number
}

/** Counts every object made on a device and every submission until `restore`. */
export function countObjects(device: GPUDevice): { counts: Counts; restore(): void } {
  const counts: Counts = {
    buffers: 0,
    destroyedBuffers: 0,
    bindGroups: 0,
    pipelines: 0,
    modules: 0,
    submissions: 0,
    awaited: 0,
    mostAwaited: 0,
  }
  const { queue } = device
  const submit = queue.submit.bind(queue)
  const createBuffer = device.createBuffer.bind(device)
  const own: [object, string][] = []
  const replace = <T extends object, K extends keyof T & string>(target: T, name: K, value: T[K]) => {
    Object.defineProperty(target, name, { value, configurable: true, writable: true })
    own.push([target, name])
  }
  const counted = <K extends 'createBindGroup' | 'createShaderModule' | 'createComputePipelineAsync'>(
    name: K,
    counter: keyof Counts,
  ) => {
    const original = device[name].bind(device) as (descriptor: never) => unknown
    const count = (descriptor: never) => {
      counts[counter]++
      return original(descriptor)
    }
    replace(device, name, count as GPUDevice[K])
  }
  counted('createBindGroup', 'bindGroups')
  counted('createShaderModule', 'modules')
  counted('createComputePipelineAsync', 'pipelines')
  replace(device, 'createBuffer', (descriptor) => {
    counts.buffers++
    const buffer = createBuffer(descriptor)
    const destroy = buffer.destroy.bind(buffer)
    let destroyed = false
    const destroyOnce = () => {
      if (!destroyed) counts.destroyedBuffers++
      destroyed = true
      destroy()
    }
    Object.defineProperty(buffer, 'destroy', { value: destroyOnce })
    const mapAsync = buffer.mapAsync.bind(buffer)
    const mapCounted = (...range: Parameters<GPUBuffer['mapAsync']>) => {
      counts.mostAwaited = Math.max(counts.mostAwaited, ++counts.awaited)
      return mapAsync(...range).finally(() => counts.awaited--)
    }
    Object.defineProperty(buffer, 'mapAsync', { value: mapCounted })
    return buffer
  })
  replace(queue, 'submit', (buffers) => {
    counts.submissions++
    submit(buffers)
  })
  const restore = () => {
    for (const [target, name] of own) Reflect.deleteProperty(target, name)
  }
  return { counts, restore }
}

/** What `body` makes on a device. */
export async function countsOf(device: GPUDevice, body: () => Promise<unknown>): Promise<Counts> {
  const { counts, restore } = countObjects(device)
  try {
    await body()
    return { ...counts }
  } finally {
    restore()
  }
}
