import { KernelError } from '../errors.js'
import type { Pipeline } from '../kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'
import { PARAMS_STRIDE_BYTES } from './params.js'
import { STEP_STRIDE_BYTES, type StepUniform } from './step.js'

/** Where a dispatch's tensors are. */
export interface Memory {
  /** Activations, by tensor. */
  buffers: ReadonlyMap<PlanTensor, GPUBuffer>
  /** Long-lived buffers, by name. */
  storages: Readonly<Record<string, GPUBuffer>>
  uniform: StepUniform
  /** Of every dispatch of the plan, in order (`paramsBuffer`). */
  params: GPUBuffer
}

/** A dispatch ready to be encoded, again and again, without making an object. */
export class Launch {
  private readonly bindGroup: GPUBindGroup
  private readonly usesStep: boolean
  private readonly groups: [x: number, y: number, z: number]
  private readonly offset: number[]

  /**
   * @param place of the dispatch among those that `memory.params` was made for
   * @throws KernelError when a name does not fit the kernel, or the dispatch is over the device's limits.
   */
  constructor(
    device: GPUDevice,
    dispatch: Dispatch,
    place: number,
    private readonly pipeline: Pipeline,
    memory: Memory,
  ) {
    this.bindGroup = bindGroup(device, dispatch, place, pipeline, memory)
    this.usesStep = 'step' in pipeline.reflected.bindings
    this.offset = this.usesStep ? [0] : []
    this.groups = workgroups(device, dispatch, pipeline)
  }

  /** Encodes it with one slice of the step uniform. */
  encode(pass: GPUComputePassEncoder, uniformIndex: number): void {
    if (this.usesStep) this.offset[0] = uniformIndex * STEP_STRIDE_BYTES
    pass.setPipeline(this.pipeline.pipeline)
    pass.setBindGroup(0, this.bindGroup, this.offset)
    pass.dispatchWorkgroups(this.groups[0], this.groups[1], this.groups[2])
  }
}

function bindGroup(
  device: GPUDevice,
  { kernel, bindings }: Dispatch,
  place: number,
  { layout, reflected }: Pipeline,
  { buffers, storages, uniform, params }: Memory,
): GPUBindGroup {
  for (const name of Object.keys(bindings)) {
    if (!(name in reflected.bindings)) throw new KernelError(`${kernel}: has no binding "${name}"`)
  }
  const entries = Object.entries(reflected.bindings).map(([name, { binding, sizeBytes }]) => {
    if (name === 'step') return { binding, resource: { buffer: uniform.buffer, size: sizeBytes } }
    if (name === 'params') {
      return { binding, resource: { buffer: params, offset: place * PARAMS_STRIDE_BYTES, size: sizeBytes } }
    }
    const tensor = bindings[name]
    if (!tensor) throw new KernelError(`${kernel}: binding "${name}" needs a tensor`)
    const buffer = buffers.get(tensor.part ?? tensor) ?? storages[tensor.storage]
    if (!buffer) throw new KernelError(`${kernel}: "${name}" lives in "${tensor.storage}", which was not given`)
    return { binding, resource: { buffer, offset: 4 * tensor.offset, size: 4 * tensor.elements } }
  })
  return device.createBindGroup({ label: kernel, layout, entries })
}

function workgroups(
  device: GPUDevice,
  { kernel, grid, shape }: Dispatch,
  { workgroup }: Pipeline,
): [number, number, number] {
  const groups = grid.map((invocations, axis) => Math.ceil(invocations / workgroup[axis]))
  const limit = device.limits.maxComputeWorkgroupsPerDimension
  if (groups.some((count) => count > limit)) {
    throw new KernelError(`${kernel} ${shape}: ${groups.join(' × ')} workgroups, the device allows ${limit} a dimension`)
  }
  return groups as [number, number, number]
}
