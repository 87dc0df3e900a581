import { BufferUsage } from '../device/flags.js'
import { allocate, allocated } from '../device/memory.js'
import type { Pipeline } from '../kernels/pipelines.js'
import type { PlanTensor } from '../ops/dispatch.js'
import type { ScheduleContext } from './context.js'
import { Launch, type Memory } from './launch.js'
import { paramsBuffer } from './params.js'
import type { Plan } from './plan.js'
import { withTilings } from './tilings.js'

/** The GPU side of a plan: pipelines, buffers and bind groups, all made before the first step. */
export class Executable {
  private launches: Launch[] = []
  private readonly beforeUpdate: number

  private constructor(
    /** With the tilings that were chosen. */
    readonly plan: Plan,
    private readonly context: ScheduleContext,
    private readonly pipelines: Pipeline[],
    private readonly buffers: ReadonlyMap<PlanTensor, GPUBuffer>,
    private readonly params: GPUBuffer,
  ) {
    this.beforeUpdate = plan.sections.find(({ name }) => name === 'update')?.first ?? plan.dispatches.length
  }

  /**
   * Allocates the activations, picks the tilings and compiles every pipeline of the plan in parallel.
   * @param storages the long-lived buffers that kernels with several tilings use
   * @throws KernelError when a name does not fit the kernel or a kernel does not compile, MemoryError when there is no
   * room. What was made until then is freed.
   */
  static async create(
    context: ScheduleContext,
    plan: Plan,
    storages: Record<string, GPUBuffer> = {},
  ): Promise<Executable> {
    const { device, pipelines, uniform } = context
    const made: GPUBuffer[] = []
    try {
      const buffers = new Map<PlanTensor, GPUBuffer>()
      for (const { label, sizeBytes, tensors } of plan.buffers) {
        const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
        const buffer = allocate(device, { label, size: sizeBytes, usage })
        made.push(buffer)
        for (const tensor of tensors) buffers.set(tensor, buffer)
      }
      const params = paramsBuffer(device, plan.dispatches)
      made.push(params)
      await allocated(made)
      const tiled = await withTilings(context, plan, { buffers, storages, uniform, params })
      const compiling = tiled.dispatches.map(({ kernel, constants }) => pipelines.get(kernel, constants))
      return new Executable(tiled, context, await Promise.all(compiling), buffers, params)
    } catch (error) {
      for (const buffer of made) buffer.destroy()
      throw error
    }
  }

  /** Binds the plan's tensors, with the long-lived buffers it needs by name. Call again when one of them changes. */
  bind(storages: Record<string, GPUBuffer>): void {
    const { device, uniform } = this.context
    const memory: Memory = { buffers: this.buffers, storages, uniform, params: this.params }
    this.launches = this.plan.dispatches.map((dispatch, i) => {
      return new Launch(device, dispatch, i, this.pipelines[i], memory)
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

  /** Encodes every dispatch with one slice of the uniform; the update only after the last slice of a batch. */
  encodeSlice(pass: GPUComputePassEncoder, uniformIndex: number, last = true): void {
    const end = last ? this.launches.length : this.beforeUpdate
    for (let i = 0; i < end; i++) this.launches[i].encode(pass, uniformIndex)
  }

  /** Encodes one dispatch, for profiles. */
  encodeDispatch(pass: GPUComputePassEncoder, index: number): void {
    this.launches[index].encode(pass, 0)
  }

  /** GPU memory of its own, in bytes. */
  get sizeBytes(): number {
    return this.plan.activationBytes + this.params.size
  }

  /** Frees the activations. */
  destroy(): void {
    for (const buffer of new Set(this.buffers.values())) buffer.destroy()
    this.params.destroy()
  }
}
