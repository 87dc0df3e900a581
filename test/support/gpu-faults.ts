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
 * Lists the buffers that `body` asks of the device. The GPU has no room for those with a label of `refused`: they are
 * invalid, and the error scope around their creation has an out-of-memory error, as when memory really is full.
 */
export async function watchBuffers(
  device: GPUDevice,
  refused: readonly string[],
  body: () => Promise<unknown>,
): Promise<Asked[]> {
  const asked: Asked[] = []
  const scopes: { filter: GPUErrorFilter; full: boolean }[] = []
  const createBuffer = device.createBuffer.bind(device)
  const pushErrorScope = device.pushErrorScope.bind(device)
  const popErrorScope = device.popErrorScope.bind(device)
  const invalidBuffer = (descriptor: GPUBufferDescriptor) => {
    pushErrorScope('validation')
    const buffer = createBuffer({ ...descriptor, usage: 0 })
    void popErrorScope()
    return buffer
  }
  const replaced: Partial<GPUDevice> = {
    createBuffer: (descriptor) => {
      const label = descriptor.label ?? ''
      const full = refused.includes(label)
      const buffer = full ? invalidBuffer(descriptor) : createBuffer(descriptor)
      asked.push({ label, size: descriptor.size, buffer })
      const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory')
      if (scope && full) scope.full = true
      return buffer
    },
    pushErrorScope: (filter) => {
      scopes.push({ filter, full: false })
      return pushErrorScope(filter)
    },
    popErrorScope: async () => {
      const scope = scopes.pop()
      const error = await popErrorScope()
      return scope?.full ? new GPUOutOfMemoryError('memory is full') : error
    },
  }
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(device, name, { value, configurable: true })
  }
  try {
    await body()
    return asked
  } finally {
    for (const name of Object.keys(replaced)) Reflect.deleteProperty(device, name)
  }
}
