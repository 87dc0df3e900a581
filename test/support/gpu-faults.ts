/** Runs `body` while the device says that it has these limits; what it really has must be larger. */
export async function withLimits<T>(
  device: GPUDevice,
  limits: Partial<Record<'maxBufferSize' | 'maxStorageBufferBindingSize', number>>,
  body: () => Promise<T>,
): Promise<T> {
  const own = device.limits
  const value = new Proxy(own, {
    get: (target, name) => limits[name as keyof typeof limits] ?? Reflect.get(target, name, target),
  })
  Object.defineProperty(device, 'limits', { value, configurable: true })
  try {
    return await body()
  } finally {
    Reflect.deleteProperty(device, 'limits')
  }
}

/** A buffer as it was asked for. */
export interface Asked {
  label: string
  size: number
  buffer: GPUBuffer
}

/**
 * Watches the buffers of a device until `restore`. The GPU then has no room for those with a label of `refused`: the error
 * scope around their creation has an out-of-memory error, as when it really is full.
 */
export function watchBuffers(device: GPUDevice, refused: readonly string[] = []) {
  const asked: Asked[] = []
  const scopes: { filter: GPUErrorFilter; full: boolean }[] = []
  const originals = {
    createBuffer: device.createBuffer.bind(device),
    pushErrorScope: device.pushErrorScope.bind(device),
    popErrorScope: device.popErrorScope.bind(device),
  }
  const replaced: Pick<GPUDevice, keyof typeof originals> = {
    createBuffer: (descriptor) => {
      const buffer = originals.createBuffer(descriptor)
      const label = descriptor.label ?? ''
      asked.push({ label, size: descriptor.size, buffer })
      const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory')
      if (refused.includes(label) && scope) scope.full = true
      return buffer
    },
    pushErrorScope: (filter) => {
      scopes.push({ filter, full: false })
      return originals.pushErrorScope(filter)
    },
    popErrorScope: async () => {
      const scope = scopes.pop()
      const error = await originals.popErrorScope()
      return scope?.full ? new GPUOutOfMemoryError('memory is full') : error
    },
  }
  Object.defineProperties(
    device,
    Object.fromEntries(Object.entries(replaced).map(([name, value]) => [name, { value, configurable: true }])),
  )
  const restore = () => {
    for (const name of Object.keys(originals)) Reflect.deleteProperty(device, name)
  }
  return { asked, restore }
}
