import { isRefusal, scoped } from '../device/faults.js'
import { formatBytes, largestBinding, type IdleMemory } from '../device/memory.js'
import { MemoryError, SpecError } from '../errors.js'
import { padRows } from '../ops/dispatch.js'
import { Executable } from '../schedule/executable.js'
import { PARAMS_STRIDE_BYTES } from '../schedule/params.js'
import type { Plan } from '../schedule/plan.js'
import { MOST_STEPS, STEP_STRIDE_BYTES } from '../schedule/step.js'
import { ParameterArena } from './arena.js'
import { checkSpec } from './check.js'
import type { EngineContext } from './context.js'
import { activationBuffers, ARENAS, arenaBuffers, fittingSpec, MemoryPlan } from './memory.js'
import type { Network } from './network.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'

/** A compiled plan with its GPU side, kept for the next call. */
export interface Program extends CompiledPlan, IdleMemory {
  executable: Executable
  /** Rows of every activation. */
  rows: number
  /** Images that one pass over the plan takes: fewer than asked for where those would not fit one binding. */
  batch: number
}

/** What the programs of a model need of it. */
export interface ProgramOwner {
  readonly context: EngineContext
  readonly model: Network
  readonly arena: ParameterArena
  /** @throws once the model is destroyed or its device gone */
  check(): void
  /** Waits; what a lost device or a destroyed model breaks becomes the error that says so. */
  guard<T>(promise: Promise<T>): Promise<T>
  /** What a call that failed throws: the loss or destroyed model behind what the GPU refused, if there is one. */
  causeOf(error: unknown): Promise<unknown>
  /** Waits until the GPU has agreed to everything so far. @throws KernelError, MemoryError with its words */
  settle(): Promise<void>
  /** The long-lived buffers that a plan uses, once the GPU has agreed to them. */
  storages(plan: Plan): Promise<Record<string, GPUBuffer>>
}

/** Rows are counted in one dimension of a dispatch: WebGPU's default limit is 65,535 workgroups. */
const MOST_ROWS = 32768

/** The rows of the smallest pass. */
const FEWEST_ROWS = 8

/** What every model can do. */
const IMAGES = { input: { type: 'images' }, noise: 'mean', output: 'images' } as const

/** What training makes besides activations, whatever the optimiser. */
const TRAINING_ARENAS = ['parameters', 'gradients', 'm', 'v', 'best'] as const

/**
 * The programs of a model, each compiled on first use and used by one call at a time. One that no call uses stays while
 * the engine's idle programs are within their bounds.
 */
export class Programs {
  private readonly programs = new Map<string, Program>()
  private readonly turns = new Map<string, Promise<unknown>>()

  constructor(private readonly owner: ProgramOwner) {}

  /** Runs `use` with the program of a request, alone: others who want the same program wait. */
  async with<T>(request: PlanRequest, use: (program: Program) => Promise<T>): Promise<T> {
    const { idlePrograms } = this.owner.context
    const key = programKey(request)
    const before = this.turns.get(key)
    const turn = (async () => {
      await before?.catch(() => {})
      return this.run(key, request, use)
    })()
    this.turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.turns.get(key) === turn) {
        this.turns.delete(key)
        const program = this.programs.get(key)
        if (program) idlePrograms.keep(program)
      }
    }
  }

  /** Frees every program. */
  destroy(): void {
    for (const program of this.programs.values()) {
      this.owner.context.idlePrograms.take(program)
      program.destroy()
    }
  }

  /**
   * Checks that the model can run on this device: its arenas, and the activations of the fewest images.
   * @throws MemoryError with the plan of its memory
   */
  checkModel(): void {
    const { arena, model, context } = this.owner
    const most = largestBinding(context.device)
    const buffersOf = (of: Network, its: ParameterArena) => {
      const { plan } = of.compile({ batch: 1, ...(of.least ?? IMAGES) }, its)
      return [...arenaBuffers(its, TRAINING_ARENAS), ...activationBuffers(plan)]
    }
    new MemoryPlan(buffersOf(model, arena)).check('this model', most, () =>
      this.fitting((of, its) => buffersOf(of, its).every(({ sizeBytes }) => sizeBytes <= most)),
    )
  }

  private async run<T>(key: string, request: PlanRequest, use: (program: Program) => Promise<T>): Promise<T> {
    try {
      const result = await this.owner.context.errors.during(this.take(key, request).then(use))
      await this.owner.settle()
      return result
    } catch (error) {
      // What the caller's own code throws is not the GPU's.
      throw isRefusal(error) ? await this.owner.causeOf(error) : error
    }
  }

  /** The program, which only its taker uses until it is kept as idle. */
  private async take(key: string, request: PlanRequest): Promise<Program> {
    const { owner } = this
    owner.check()
    const known = this.programs.get(key)
    if (known) {
      owner.context.idlePrograms.take(known)
      return known
    }
    return owner.guard(this.create(key, request))
  }

  private async create(key: string, request: PlanRequest): Promise<Program> {
    const fit = this.fit(request)
    try {
      return await this.realise(key, request, fit)
    } catch (error) {
      if (!(error instanceof MemoryError)) throw error
      if (this.freeIdle()) return this.create(key, request) // what is idle may have been in the way
      const memory = planMemory(this.owner.arena, fit.compiled.plan)
      const needs = `a batch of ${request.batch} needs ${formatBytes(memory.sizeBytes)} in all; take a smaller one`
      throw new MemoryError(`${error.message}; ${needs}\n${memory}`, { cause: error })
    }
  }

  private async realise(key: string, request: PlanRequest, { compiled, batch }: Fit): Promise<Program> {
    const { context } = this.owner
    const storages = await this.owner.storages(compiled.plan)
    const executable = await Executable.create(context, compiled.plan, storages)
    const destroy = () => {
      this.programs.delete(key)
      executable.destroy()
    }
    try {
      if (request.input.type !== 'set') await bound(context.device, () => executable.bind(storages))
      this.owner.check() // the model may have been destroyed meanwhile
    } catch (error) {
      executable.destroy()
      throw error
    }
    const { sizeBytes } = executable
    const program = { ...compiled, executable, rows: padRows(batch), batch, sizeBytes, destroy }
    this.programs.set(key, program)
    return program
  }

  /** Frees what no call uses. @returns whether there was anything */
  private freeIdle(): boolean {
    const { idlePrograms, sets } = this.owner.context
    const [programs, data] = [idlePrograms.clear(), sets.clear()]
    return programs || data
  }

  /** Compiles the request in as few slices as the device's largest binding allows. */
  private fit(request: PlanRequest): Fit {
    const { model, arena, context } = this.owner
    const most = largestBinding(context.device)
    const rows = request.batch * model.rowsPerImage(request) * (model.batches ?? 1)
    for (let slices = Math.ceil(rows / MOST_ROWS); ; slices++) {
      if (slices > MOST_STEPS) {
        const way = `take one of at most ${Math.floor((MOST_STEPS * MOST_ROWS * request.batch) / rows)}`
        throw new MemoryError(`a batch of ${request.batch}: needs more than ${MOST_STEPS} slices; ${way}`)
      }
      const sliced = { ...request, slices }
      const compiled = model.compile(sliced, arena)
      if (slices > 1 && compiled.wholeBatch) {
        const way = `the ${request.batch} of this batch run in slices; take a smaller batch`
        throw new SpecError(compiled.wholeBatch, `needs a batch that fits the device at once, and ${way}`)
      }
      const batch = sliceBatch(sliced)
      const bytes = compiled.plan.largestActivationBytes
      if (bytes <= most || batch <= FEWEST_ROWS || slices === MOST_STEPS) {
        planMemory(arena, compiled.plan).check(`a batch of ${batch}`, most, () => {
          if (batch > FEWEST_ROWS) return `a batch of at most ${Math.floor((request.batch * most) / bytes)} would fit`
          return this.fitting((of, its) => of.compile(sliced, its).plan.largestActivationBytes <= most)
        })
        return { compiled, batch }
      }
      slices = Math.min(MOST_STEPS, Math.max(slices + 1, Math.ceil((slices * bytes) / most))) - 1
    }
  }

  /** What would fit in place of this model. */
  private fitting(fits: (model: Network, arena: ParameterArena) => boolean): string {
    const { spec: given } = this.owner.model
    if (!given) return 'take fewer channels or layers'
    return fittingSpec(given, (spec) => {
      const model = checkSpec(spec)
      return fits(model, new ParameterArena(model))
    })
  }
}

interface Fit {
  compiled: CompiledPlan
  /** Images of a slice. */
  batch: number
}

async function bound(device: GPUDevice, bind: () => void): Promise<void> {
  const refused = await scoped(device, 'binding a plan', bind).fault
  if (refused) throw refused
}

/** All that a plan needs, what is there already counted too. */
function planMemory(arena: ParameterArena, plan: Plan): MemoryPlan {
  const used = Object.entries(plan.storages)
  const arenas = ARENAS.filter((name) => name in plan.storages)
  const others = used.filter(([name]) => !arenas.some((each) => each === name))
  return new MemoryPlan([
    ...arenaBuffers(arena, arenas),
    ...activationBuffers(plan),
    ...others.map(([name, sizeBytes]) => ({ name, sizeBytes })),
    { name: 'params', sizeBytes: PARAMS_STRIDE_BYTES * plan.dispatches.length },
    { name: 'step', sizeBytes: STEP_STRIDE_BYTES * MOST_STEPS },
  ])
}

/** What changes from step to step; no kernel is compiled for it. */
const RATES = new Set(['learningRate', 'weightDecay'])

/** Names what is compiled: two requests that differ in their rates alone share a program. */
function programKey(request: PlanRequest): string {
  return JSON.stringify(request, (name, value) => (RATES.has(name) ? undefined : value))
}
