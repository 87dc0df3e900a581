import { firstFault, isRefusal, scoped } from '../device/faults.js'
import { BufferUsage } from '../device/flags.js'
import { allocate, allocated } from '../device/memory.js'
import { ElboError, KernelError } from '../errors.js'
import { Readback } from '../schedule/readback.js'
import type { Plan } from '../schedule/plan.js'
import type { Tensor } from '../tensor.js'
import { ParameterArena } from './arena.js'
import { codebookFor, type Codebook } from './codebook.js'
import type { EngineContext } from './context.js'
import type { ByteImages, DeviceSet } from './device-set.js'
import { fromInner, innerElements, toInner } from './layout.js'
import { CODEBOOK } from './latents/vector-quantized.js'
import { type Arena, ARENAS } from './memory.js'
import type { Model } from './model.js'
import type { Network } from './network.js'
import { type Program, Programs } from './programs.js'
import type { PlanRequest } from './request.js'

export type { EngineContext, Program }

/** What a model is, apart from how it is trained, now or as it is kept: parameters, and the statistics of its codes. */
export type Content = 'parameters' | 'best' | 'aside'

/** How long a device's loss may take to be told after the first thing it breaks. */
const LOSS_MS = 200

/** A model, or another network, on the device: its arenas, and a program for every kind of request so far. */
export class ModelRuntime<N extends Network = Model> {
  readonly arena: ParameterArena
  /** Of a vector-quantised model. */
  readonly codebook: Codebook | undefined
  private readonly arenas = new Map<Arena, GPUBuffer>()
  private readonly keptCodebooks = new Map<Content, Codebook>()
  private readonly programs: Programs
  private readonly endings = new Set<() => void>()
  /** What the GPU has yet to say about work that nobody waits for. */
  private unsettled: Promise<ElboError | undefined>[] = []
  private destroyed = false

  /**
   * @throws MemoryError, before anything is allocated, when the model cannot run on this device
   */
  constructor(
    readonly context: EngineContext,
    readonly model: N,
  ) {
    this.arena = new ParameterArena(model)
    this.programs = new Programs(this)
    this.programs.checkModel()
    this.codebook = codebookFor(context.device, this.arena.specs)
  }

  /** The buffer of an arena, zero until written; made on first use. @throws MemoryError */
  buffer(arena: Arena): GPUBuffer {
    let buffer = this.arenas.get(arena)
    if (!buffer) {
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
      buffer = this.allocate({ label: arena, size: 4 * this.arena.placement.elements, usage })
      this.arenas.set(arena, buffer)
    }
    return buffer
  }

  /** A buffer that the caller destroys; the next call that waits fails when there was no room. @throws MemoryError */
  allocate(descriptor: Parameters<typeof allocate>[1]): GPUBuffer {
    const buffer = allocate(this.context.device, descriptor)
    this.unsettled.push(allocated([buffer]).then(() => undefined, (fault: ElboError) => fault))
    return buffer
  }

  /** Writes at once; the next call that waits fails when the GPU refuses. */
  writeBuffer(buffer: GPUBuffer, offsetBytes: number, data: ArrayBufferView): void {
    const { queue } = this.context.device
    this.work(`writing "${buffer.label}"`, () => queue.writeBuffer(buffer, offsetBytes, data as BufferSource))
  }

  /** The buffers that steps with these moments change: the content, then the moments. */
  learned(moments: readonly ('m' | 'v')[]): GPUBuffer[] {
    return [...this.content('parameters'), ...moments.map((moment) => this.buffer(moment))]
  }

  /** Sets an arena to zero. */
  clear(arena: Arena): void {
    const encoder = this.encoder(`clear ${arena}`)
    encoder.clearBuffer(this.buffer(arena))
    this.submit(encoder)
  }

  /** The statistics of the codes that go with those parameters. */
  codebookOf(content: Content): Codebook | undefined {
    if (content === 'parameters' || !this.codebook) return this.codebook
    let codebook = this.keptCodebooks.get(content)
    if (!codebook) {
      codebook = this.work('a copy of the code book', () => codebookFor(this.context.device, this.arena.specs)!)
      this.keptCodebooks.set(content, codebook)
    }
    return codebook
  }

  /** The buffers of a content: its arena, then its codes'. */
  content(content: Content): GPUBuffer[] {
    const codes = this.codebookOf(content)?.ranges ?? []
    return [this.buffer(content), ...codes.map(({ buffer }) => buffer)]
  }

  /** Copies one content over another, whole. */
  copy(from: Content, to: Content): void {
    const encoder = this.encoder(`copy ${from} to ${to}`)
    const targets = this.content(to)
    this.content(from).forEach((buffer, i) => encoder.copyBufferToBuffer(buffer, 0, targets[i], 0, buffer.size))
    this.submit(encoder)
  }

  /** Writes values in PyTorch's shapes into an arena; names that are missing keep theirs. */
  write(arena: Arena, values: Record<string, Tensor>): void {
    for (const { name, layout } of this.arena.specs) {
      const value = values[name]
      if (!value) continue
      const offset = 4 * this.arena.placement.offsets[name]
      this.writeBuffer(this.buffer(arena), offset, toInner(value.data, layout))
      if (arena !== 'parameters' || name !== CODEBOOK) continue
      this.work('writing the code averages', () => this.codebook!.begin(value.data))
    }
  }

  /** Reads an arena back in PyTorch's names and shapes. `encoder` may hold work to submit before. */
  async read(arena: Arena, encoder = this.encoder('read')): Promise<Record<string, Tensor>> {
    const buffer = this.buffer(arena)
    const data = await this.readback(encoder, [{ buffer, offsetBytes: 0, sizeBytes: buffer.size }])
    return this.named(data)
  }

  /** Cuts a whole arena, as read back, into PyTorch's names and shapes; with `trained` without what no optimiser moves. */
  named(data: Float32Array, { trained = false } = {}): Record<string, Tensor> {
    const specs = this.arena.specs.filter(({ buffer }) => !(trained && buffer))
    return Object.fromEntries(
      specs.map(({ name, shape, layout }) => {
        const offset = this.arena.placement.offsets[name]
        const inner = data.subarray(offset, offset + innerElements(layout))
        return [name, { shape: [...shape], data: fromInner(inner, layout) }]
      }),
    )
  }

  encoder(label: string): GPUCommandEncoder {
    this.check()
    return this.context.device.createCommandEncoder({ label })
  }

  /** Submits the encoder's work; what the GPU refuses fails the next call that waits. */
  submit(encoder: GPUCommandEncoder): void {
    const { queue } = this.context.device
    this.work(encoder.label || 'some work', () => queue.submit([encoder.finish()]))
  }

  /** Submits the encoder and reads ranges; a lost device becomes a `DeviceLostError`. */
  readback(encoder: GPUCommandEncoder, ranges: Parameters<Readback['read']>[1]): Promise<Float32Array<ArrayBuffer>> {
    return this.guard(this.context.readback.read(encoder, ranges))
  }

  /**
   * Waits for GPU work. What a lost device or a destroyed model breaks becomes the error that says so; what the GPU
   * refuses meanwhile, or has refused of the work that nobody waited for, is thrown in its own words.
   */
  async guard<T>(promise: Promise<T>): Promise<T> {
    try {
      const result = await this.context.errors.during(promise)
      await this.settle()
      return result
    } catch (error) {
      throw await this.causeOf(error)
    }
  }

  /**
   * What a call that failed throws: instead of what a lost device or a destroyed model breaks, the error that says so.
   * Browsers may tell what a loss breaks before the loss, which is waited for.
   */
  async causeOf(error: unknown): Promise<unknown> {
    if (error instanceof ElboError && !isRefusal(error)) return error
    this.unsettled = [] // what follows from the first refusal is not told again
    const late = new Promise((resolve) => setTimeout(resolve, LOSS_MS))
    await Promise.race([this.context.device.lost, late])
    try {
      this.check()
    } catch (ended) {
      return ended
    }
    return named(error)
  }

  /** Waits until the GPU has agreed to everything so far. @throws its refusal, or what ended device or model */
  agreed(): Promise<void> {
    return this.guard(Promise.resolve())
  }

  /** The same within a call that looks for the cause itself. @throws KernelError, MemoryError with its words */
  async settle(): Promise<void> {
    if (this.unsettled.length === 0) return
    const fault = await firstFault(this.unsettled.splice(0))
    if (fault) throw fault
  }

  /** The GPU has agreed to what every model has. @throws MemoryError */
  async ready(): Promise<void> {
    await this.arenasFor(['parameters'])
    await allocated(this.codebook?.ranges.map(({ buffer }) => buffer) ?? [])
    await this.agreed()
  }

  /**
   * The data set on the device: one for the whole engine, uploaded on first use. Call its `release` once done; how long it
   * stays then, `DeviceSets` says.
   */
  set(data: ByteImages): DeviceSet {
    this.check()
    const set = this.context.sets.use(data)
    this.unsettled.push(set.fault)
    return set
  }

  /** Runs `use` with the program of a request, alone: others who want the same program wait. */
  with<T>(request: PlanRequest, use: (program: Program) => Promise<T>): Promise<T> {
    return this.programs.with(request, use)
  }

  /** Binds a program's long-lived buffers: the arenas, and what the caller adds. */
  bind({ executable, plan }: Program, storages: Record<string, GPUBuffer> = {}): void {
    const arenas = Object.fromEntries(arenasOf(plan).map((arena) => [arena, this.buffer(arena)]))
    this.work('binding a plan', () => executable.bind({ ...storages, ...arenas, ...this.codebook?.storages }))
  }

  /** The long-lived buffers that a plan uses, once the GPU has agreed to them. @throws MemoryError */
  async storages(plan: Plan): Promise<Record<string, GPUBuffer>> {
    return { ...(await this.arenasFor(arenasOf(plan))), ...this.codebook?.storages }
  }

  /** Calls back when the model is destroyed or its device lost. @returns a function that removes the listener */
  onEnd(listener: () => void): () => void {
    this.endings.add(listener)
    return () => this.endings.delete(listener)
  }

  /** Wakes whoever waits on this model: it is destroyed, or its device is lost. */
  end(): void {
    for (const listener of this.endings) listener()
  }

  /** The device is gone. */
  get isLost(): boolean {
    return this.context.lost !== undefined
  }

  /** @throws DeviceLostError, or ElboError once the model is destroyed */
  check(): void {
    if (this.context.lost) throw this.context.lost
    if (this.destroyed) throw new ElboError('destroyed', 'this model was destroyed; create or load another one')
  }

  /** Frees everything; later calls throw. */
  destroy(): void {
    this.destroyed = true
    this.end()
    this.programs.destroy()
    for (const buffer of this.arenas.values()) buffer.destroy()
    this.arenas.clear()
    this.codebook?.destroy()
    for (const codebook of this.keptCodebooks.values()) codebook.destroy()
  }

  /** Does GPU work in error scopes; what the GPU refuses fails the next call that waits. */
  private work<T>(what: string, body: () => T): T {
    const { result, fault } = scoped(this.context.device, what, body)
    this.unsettled.push(fault)
    return result
  }

  /** Arenas that the GPU has agreed to; one that it has not is forgotten, so that a later call tries again. */
  private async arenasFor(names: readonly Arena[]): Promise<Record<string, GPUBuffer>> {
    const agreed = names.map(async (name): Promise<[Arena, GPUBuffer]> => {
      const buffer = this.buffer(name)
      try {
        await allocated([buffer])
      } catch (error) {
        buffer.destroy()
        if (this.arenas.get(name) === buffer) this.arenas.delete(name)
        throw error
      }
      return [name, buffer]
    })
    return Object.fromEntries(await Promise.all(agreed))
  }
}

function arenasOf(plan: Plan): Arena[] {
  return ARENAS.filter((arena) => arena in plan.storages)
}

/** What WebGPU throws when a buffer cannot be mapped is an error without a class of its own. */
function named(error: unknown): unknown {
  if (!(error instanceof Error) || !['OperationError', 'AbortError'].includes(error.name)) return error
  return new KernelError(`the GPU's results cannot be read; it says: ${error.message}`, { cause: error })
}
