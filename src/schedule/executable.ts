import type { DeviceContext } from '../device/device.js'
import { BufferUsage } from '../device/flags.js'
import { KernelError } from '../errors.js'
import type { Pipeline, PipelineCache } from '../kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'
import type { Plan } from './plan.js'
import { STEP_STRIDE_BYTES, type StepUniform } from './step.js'

interface Launch {
  pipeline: GPUComputePipeline
  bindGroup: GPUBindGroup
  usesStep: boolean
  groups: [x: number, y: number, z: number]
}

/** The GPU side of a plan: pipelines, buffers and bind groups, all made before the first step. */
export class Executable {
  private launches: Launch[] = []
  private readonly offset = [0]
  private readonly none: number[] = []
  private readonly beforeUpdate: number

  private constructor(
    readonly plan: Plan,
    private readonly context: DeviceContext,
    private readonly pipelines: Pipeline[],
    private readonly buffers: Map<PlanTensor, GPUBuffer>,
    private readonly uniform: StepUniform,
  ) {
    this.beforeUpdate = plan.sections.find(({ name }) => name === 'update')?.first ?? plan.dispatches.length
  }

  /**
   * Compiles every pipeline of the plan in parallel and allocates the activations.
   * @throws KernelError when a name does not fit the kernel, or a dispatch is over the device's limits.
   */
  static async create(
    context: DeviceContext,
    cache: PipelineCache,
    plan: Plan,
    uniform: StepUniform,
  ): Promise<Executable> {
    const pipelines = await Promise.all(plan.dispatches.map(({ kernel, constants }) => cache.get(kernel, constants)))
    const buffers = new Map<PlanTensor, GPUBuffer>()
    for (const { label, sizeBytes, tensors } of plan.buffers) {
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
      const buffer = context.device.createBuffer({ label, size: sizeBytes, usage })
      for (const tensor of tensors) buffers.set(tensor, buffer)
    }
    return new Executable(plan, context, pipelines, buffers, uniform)
  }

  /** Binds the plan's tensors, with the long-lived buffers it needs by name. Call again when one of them changes. */
  bind(storages: Record<string, GPUBuffer>): void {
    this.launches = this.plan.dispatches.map((dispatch, i) => {
      const pipeline = this.pipelines[i]
      return {
        pipeline: pipeline.pipeline,
        bindGroup: this.bindGroup(dispatch, pipeline, storages),
        usesStep: 'step' in pipeline.reflected.bindings,
        groups: this.workgroups(dispatch, pipeline),
      }
    })
  }

  /** The buffer of an activation. */
  buffer(tensor: PlanTensor): GPUBuffer {
    return this.buffers.get(tensor)!
  }

  /** Encodes a whole step of one or more slices, whose uniforms begin at `first`. */
  encodeStep(pass: GPUComputePassEncoder, first: number, slices: number): void {
    for (let i = 0; i < slices; i++) this.encodeSlice(pass, first + i, i === slices - 1)
  }

  /** Encodes every dispatch with one slice of the uniform; the update only behind the last slice of a batch. Makes no object. */
  encodeSlice(pass: GPUComputePassEncoder, uniformIndex: number, last = true): void {
    const end = last ? this.launches.length : this.beforeUpdate
    this.offset[0] = uniformIndex * STEP_STRIDE_BYTES
    for (let i = 0; i < end; i++) {
      const { pipeline, bindGroup, usesStep, groups } = this.launches[i]
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup, usesStep ? this.offset : this.none)
      pass.dispatchWorkgroups(groups[0], groups[1], groups[2])
    }
  }

  /** Frees the activations. */
  destroy(): void {
    for (const buffer of new Set(this.buffers.values())) buffer.destroy()
  }

  private bindGroup({ kernel, bindings }: Dispatch, pipeline: Pipeline, storages: Record<string, GPUBuffer>): GPUBindGroup {
    for (const name of Object.keys(bindings)) {
      if (!(name in pipeline.reflected.bindings)) throw new KernelError(`${kernel}: has no binding "${name}"`)
    }
    const entries = Object.entries(pipeline.reflected.bindings).map(([name, { binding, sizeBytes }]) => {
      if (name === 'step') return { binding, resource: { buffer: this.uniform.buffer, size: sizeBytes } }
      const tensor = bindings[name]
      if (!tensor) throw new KernelError(`${kernel}: binding "${name}" needs a tensor`)
      const buffer = this.buffers.get(tensor) ?? storages[tensor.storage]
      if (!buffer) throw new KernelError(`${kernel}: "${name}" lives in "${tensor.storage}", which was not given`)
      return { binding, resource: { buffer, offset: 4 * tensor.offset, size: 4 * tensor.elements } }
    })
    return this.context.device.createBindGroup({ label: kernel, layout: pipeline.layout, entries })
  }

  private workgroups({ kernel, grid, shape }: Dispatch, { workgroup }: Pipeline): [number, number, number] {
    const groups = grid.map((invocations, axis) => Math.ceil(invocations / workgroup[axis]))
    const limit = this.context.device.limits.maxComputeWorkgroupsPerDimension
    if (groups.some((count) => count > limit)) {
      throw new KernelError(`${kernel} ${shape}: ${groups.join(' × ')} workgroups, the device allows ${limit} a dimension`)
    }
    return groups as [number, number, number]
  }
}
