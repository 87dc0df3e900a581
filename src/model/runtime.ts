import type { DeviceContext } from '../device/device.js'
import { BufferUsage } from '../device/flags.js'
import { DeviceLostError, ElboError, KernelError, SpecError } from '../errors.js'
import { padRows } from '../ops/dispatch.js'
import { Executable, type ScheduleContext } from '../schedule/executable.js'
import { Readback } from '../schedule/readback.js'
import type { Plan } from '../schedule/plan.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { Tensor } from '../tensor.js'
import { ParameterArena } from './arena.js'
import { codebookFor, type Codebook } from './codebook.js'
import { DeviceSet } from './device-set.js'
import { fromInner, innerElements, toInner } from './layout.js'
import { CODEBOOK } from './latents/vector-quantized.js'
import type { Model } from './model.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'

/** What an engine shares among its models. */
export interface EngineContext extends DeviceContext, ScheduleContext {
  readback: Readback
  /** Set once the device is gone. */
  lost?: DeviceLostError
}

/** The arenas of a model: parameters, gradients (and their sum over slices), moments, the best parameters so far. */
export type Arena = (typeof ARENAS)[number]

const ARENAS = ['parameters', 'gradients', 'gradient_sum', 'm', 'v', 'best'] as const

/** A compiled plan with its GPU side, kept for the next call. */
export interface Program extends CompiledPlan {
  executable: Executable
  /** Rows of every activation. */
  rows: number
  /** Images that one pass over the plan takes: fewer than asked for where those would not fit one binding. */
  batch: number
}

const MOST_PROGRAMS = 24

/** How long a device's loss may take to be told after the first thing it breaks. */
const LOSS_MS = 200

/** Rows are counted in one dimension of a dispatch: WebGPU's default limit is 65,535 workgroups. */
const MOST_ROWS = 32768

/** A model on the device: its arenas, and a program for every kind of request so far. */
export class ModelRuntime {
  readonly arena: ParameterArena
  /** Of a vector-quantised model. */
  readonly codebook: Codebook | undefined
  private readonly arenas = new Map<Arena, GPUBuffer>()
  private readonly programs = new Map<string, Promise<Program>>()
  private readonly turns = new Map<string, Promise<unknown>>()
  private readonly sets = new WeakMap<object, DeviceSet>()
  private liveSets: WeakRef<DeviceSet>[] = []
  private readonly endings = new Set<() => void>()
  private destroyed = false

  constructor(
    readonly context: EngineContext,
    readonly model: Model,
  ) {
    this.arena = new ParameterArena(model)
    this.codebook = codebookFor(context.device, this.arena.specs)
  }

  /** The buffer of an arena, zero until written; made on first use. */
  buffer(arena: Arena): GPUBuffer {
    let buffer = this.arenas.get(arena)
    if (!buffer) {
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST
      const size = 4 * this.arena.placement.elements
      buffer = this.context.device.createBuffer({ label: arena, size, usage })
      this.arenas.set(arena, buffer)
    }
    return buffer
  }

  /** Sets an arena to zero. */
  clear(arena: Arena): void {
    const encoder = this.context.device.createCommandEncoder({ label: `clear ${arena}` })
    encoder.clearBuffer(this.buffer(arena))
    this.context.device.queue.submit([encoder.finish()])
  }

  /** Copies one arena over another. */
  copy(from: Arena, to: Arena): void {
    const encoder = this.encoder(`copy ${from}`)
    encoder.copyBufferToBuffer(this.buffer(from), 0, this.buffer(to), 0, this.buffer(from).size)
    this.context.device.queue.submit([encoder.finish()])
  }

  /** Writes values in PyTorch's shapes into an arena; names that are missing keep theirs. */
  write(arena: Arena, values: Record<string, Tensor>): void {
    for (const { name, layout } of this.arena.specs) {
      const value = values[name]
      if (!value) continue
      const offset = 4 * this.arena.placement.offsets[name]
      this.context.device.queue.writeBuffer(this.buffer(arena), offset, toInner(value.data, layout) as BufferSource)
      if (arena === 'parameters' && name === CODEBOOK) this.codebook!.begin(value.data)
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

  /** Submits the encoder and reads ranges; a lost device becomes a `DeviceLostError`. */
  readback(encoder: GPUCommandEncoder, ranges: Parameters<Readback['read']>[1]): Promise<Float32Array<ArrayBuffer>> {
    return this.guard(this.context.readback.read(encoder, ranges))
  }

  /** Turns what a lost device or a destroyed model breaks into the error that says so. */
  async guard<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise
    } catch (error) {
      if (error instanceof ElboError) throw error
      const late = new Promise((resolve) => setTimeout(resolve, LOSS_MS))
      await Promise.race([this.context.device.lost, late]) // what a loss breaks may be told before the loss
      this.check()
      throw error
    }
  }

  /** The data set on the device; uploaded on first use and kept while the caller keeps the set. */
  set(data: DeviceSet['data']): DeviceSet {
    this.check()
    let set = this.sets.get(data)
    if (!set) {
      set = new DeviceSet(this.context, data)
      this.sets.set(data, set)
      this.liveSets = [...this.liveSets.filter((ref) => ref.deref()), new WeakRef(set)]
    }
    return set
  }

  /** The program for a request, compiled on first use. Sets and orders are the caller's to bind. */
  private program(request: PlanRequest): Promise<Program> {
    this.check()
    const key = JSON.stringify(request)
    let program = this.programs.get(key)
    if (program) this.programs.delete(key)
    else program = this.guard(this.create(request))
    this.programs.set(key, program) // the most recently used is last
    program.catch(() => this.programs.delete(key))
    this.evict()
    return program
  }

  /** Runs `use` with the program of a request, alone: others who want the same program wait, and it is not evicted. */
  async with<T>(request: PlanRequest, use: (program: Program) => Promise<T>): Promise<T> {
    const key = JSON.stringify(request)
    const before = this.turns.get(key)
    const turn = (async () => {
      await before?.catch(() => {})
      const program = await this.program(request)
      this.check()
      return use(program)
    })()
    this.turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.turns.get(key) === turn) this.turns.delete(key)
    }
  }

  /** Binds a program's long-lived buffers: the arenas, and what the caller adds. */
  bind({ executable, plan }: Program, storages: Record<string, GPUBuffer> = {}): void {
    executable.bind({ ...storages, ...this.storages(plan) })
  }

  /** Calls back when the model is destroyed or its device lost. @returns what takes that back */
  onEnd(listener: () => void): () => void {
    this.endings.add(listener)
    return () => this.endings.delete(listener)
  }

  /** Wakes whoever waits on this model: it is destroyed, or its device is lost. */
  end(): void {
    for (const listener of this.endings) listener()
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
    for (const program of this.programs.values()) {
      program.then(({ executable }) => executable.destroy(), () => {})
    }
    this.programs.clear()
    for (const buffer of this.arenas.values()) buffer.destroy()
    this.arenas.clear()
    this.codebook?.destroy()
    for (const set of this.liveSets) set.deref()?.destroy()
  }

  private async create(request: PlanRequest): Promise<Program> {
    const { device } = this.context
    const { compiled, batch } = this.fit(request)
    device.pushErrorScope('out-of-memory')
    const executable = Executable.create(this.context, compiled.plan, this.storages(compiled.plan))
    const memory = device.popErrorScope()
    const program = { ...compiled, executable: await executable, rows: padRows(batch), batch }
    if (await memory) {
      const megabytes = (compiled.plan.activationBytes / 1e6).toFixed(0)
      throw new KernelError(`the GPU has no room for the ${megabytes} MB of a batch of ${request.batch}; take a smaller batch`)
    }
    if (request.input.type !== 'set') this.bind(program)
    return program
  }

  /** The arenas that a plan uses. */
  private storages(plan: Plan): Record<string, GPUBuffer> {
    const used = ARENAS.filter((arena) => arena in plan.storages)
    return { ...Object.fromEntries(used.map((arena) => [arena, this.buffer(arena)])), ...this.codebook?.storages }
  }

  /** Compiles the request in as few slices as the device's largest binding allows. */
  private fit(request: PlanRequest): { compiled: CompiledPlan; batch: number } {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.context.device.limits
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize)
    const rows = request.batch * this.model.rowsPerImage(request)
    for (let slices = Math.ceil(rows / MOST_ROWS); ; slices++) {
      const sliced = { ...request, slices }
      const compiled = this.model.compile(sliced, this.arena)
      if (slices > 1 && compiled.wholeBatch) {
        const way = `the ${request.batch} of this batch run in slices; take a smaller batch`
        throw new SpecError(compiled.wholeBatch, `needs a batch that fits the device at once, and ${way}`)
      }
      const batch = sliceBatch(sliced)
      const bytes = compiled.plan.largestActivationBytes
      if (bytes <= most && slices <= MOST_STEPS) return { compiled, batch }
      if (batch <= 8 || slices >= MOST_STEPS) {
        throw new KernelError(`a tensor of ${batch} images has ${bytes} bytes, the device binds at most ${most}`)
      }
      slices = Math.max(slices, Math.ceil((slices * bytes) / most) - 1)
    }
  }

  private evict(): void {
    for (const [key, program] of this.programs) {
      if (this.programs.size <= MOST_PROGRAMS) return
      if (this.turns.has(key)) continue
      this.programs.delete(key)
      program.then(({ executable }) => executable.destroy(), () => {})
    }
  }
}
