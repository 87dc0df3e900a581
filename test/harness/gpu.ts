import type { Test } from 'uvu'

export interface GpuContext {
  device: GPUDevice
}

export interface GpuOptions {
  /** Optional features to ask for; none by default, and WebGPU's default limits always. */
  features?: GPUFeatureName[]
}

const devices = new Map<string, Promise<GPUDevice>>()
const scopes: GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']

/** The file's shared device with default limits. No adapter is a failure, never a skip. */
export function testDevice({ features = [] }: GpuOptions = {}): Promise<GPUDevice> {
  const key = [...features].sort().join()
  const known = devices.get(key)
  if (known) return known
  const device = requestDevice(features)
  devices.set(key, device)
  // A lost device is not handed to the next test.
  device.then(({ lost }) => lost.then(() => devices.delete(key)), () => devices.delete(key))
  return device
}

async function requestDevice(requiredFeatures: GPUFeatureName[]): Promise<GPUDevice> {
  const adapter = await navigator.gpu?.requestAdapter()
  if (!adapter) throw new Error('this browser offers no WebGPU adapter')
  return adapter.requestDevice({ label: 'test', requiredFeatures })
}

/** Adds a test that runs in error scopes of every kind, each of which must stay empty. */
export function gpuTest(
  test: Test,
  name: string,
  body: (context: GpuContext) => void | Promise<void>,
  options?: GpuOptions,
): void {
  test(name, async () => {
    const device = await testDevice(options)
    for (const filter of scopes) device.pushErrorScope(filter)
    let failure: { error: unknown } | undefined
    try {
      await body({ device })
    } catch (error) {
      failure = { error }
    }
    const hits: string[] = []
    for (const filter of [...scopes].reverse()) {
      const hit = await device.popErrorScope().catch((error: Error) => error)
      if (hit) hits.push(`${filter}: ${hit.message}`)
    }
    // What WebGPU objects to comes first, for it usually explains a failed assertion.
    if (hits.length > 0) throw new Error(`${hits.join('\n')}${failure ? `\nthen: ${String(failure.error)}` : ''}`)
    if (failure) throw failure.error
  })
}

/** A buffer with these contents, padded to a multiple of 4 bytes. */
export function upload(
  device: GPUDevice,
  data: Float32Array | Uint32Array | Int32Array | Uint8Array,
  usage: GPUBufferUsageFlags = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  label = 'test',
): GPUBuffer {
  const size = Math.max(4, Math.ceil(data.byteLength / 4) * 4)
  const buffer = device.createBuffer({ label, size, usage, mappedAtCreation: true })
  new Uint8Array(buffer.getMappedRange()).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  buffer.unmap()
  return buffer
}

/** The bytes of a buffer made with `COPY_SRC`. */
export async function download(device: GPUDevice, buffer: GPUBuffer): Promise<ArrayBuffer> {
  const { size } = buffer
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ
  const staging = device.createBuffer({ label: 'test.download', size, usage })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const bytes = staging.getMappedRange().slice(0)
  staging.destroy()
  return bytes
}

/** A buffer's contents as f32. */
export async function downloadFloats(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array> {
  return new Float32Array(await download(device, buffer))
}
