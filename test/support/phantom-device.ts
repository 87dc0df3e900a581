/**
 * A GPU device without a GPU: everything can be made, nothing is computed, and whatever is read back is zero. With it,
 * tests of what happens before a kernel runs need no browser.
 */
export function phantomDevice(): GPUDevice {
  const device = {
    label: 'phantom',
    adapterInfo: { vendor: 'phantom', architecture: '', device: '', description: '', isFallbackAdapter: true },
    features: new Set<string>(),
    limits: DEFAULT_LIMITS,
    lost: new Promise<never>(() => {}),
    queue: { writeBuffer() {}, submit() {}, onSubmittedWorkDone: async () => {} },
    createBuffer: (descriptor: GPUBufferDescriptor) => phantomBuffer(descriptor),
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createComputePipeline: () => ({}),
    createComputePipelineAsync: async () => ({}),
    createCommandEncoder: () => phantomEncoder,
    createQuerySet: () => ({ destroy() {} }),
    pushErrorScope() {},
    popErrorScope: async () => null,
    addEventListener() {},
    removeEventListener() {},
    destroy() {},
  }
  return device as unknown as GPUDevice
}

const DEFAULT_LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxUniformBufferBindingSize: 65536,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
}

const phantomPass = { setPipeline() {}, setBindGroup() {}, dispatchWorkgroups() {}, end() {} }

const phantomEncoder = {
  beginComputePass: () => phantomPass,
  copyBufferToBuffer() {},
  clearBuffer() {},
  resolveQuerySet() {},
  writeTimestamp() {},
  finish: () => ({}),
}

function phantomBuffer({ label, size, usage }: GPUBufferDescriptor): unknown {
  return {
    label,
    size,
    usage,
    mapState: 'unmapped',
    mapAsync: () => new Promise<void>((resolve) => setImmediate(resolve)), // as on a GPU, others get their turn first
    getMappedRange: (offset = 0, bytes = size - offset) => new ArrayBuffer(bytes),
    unmap() {},
    destroy() {},
  }
}
