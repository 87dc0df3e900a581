import { fileBytes } from './arrays.js'
import { describe, readName, readOptions, readWhole } from './checks.js'
import { GpuClock } from './device/clock.js'
import { acquireDevice, type DeviceOptions } from './device/device.js'
import { UncapturedErrors } from './device/faults.js'
import { allocated, IdleCache } from './device/memory.js'
import { readDevice } from './device/read-device.js'
import { DeviceLostError, ElboError, FormatError } from './errors.js'
import { PipelineCache } from './kernels/pipelines.js'
import { Tuner } from './kernels/tuner.js'
import { checkSpec } from './model/check.js'
import type { EngineContext } from './model/context.js'
import { DeviceSets } from './model/device-set.js'
import { initialParameters } from './model/parameters.js'
import { ModelRuntime } from './model/runtime.js'
import type { VaeSpec } from './model/spec.js'
import { Readback } from './schedule/readback.js'
import { StepUniform } from './schedule/step.js'
import { readModel, restoreModel } from './train/file.js'
import { Vae } from './vae.js'

/** How to make an engine. */
export interface EngineOptions extends DeviceOptions {
  /**
   * `'auto'`, unless given: where a kernel has several tilings, the fastest on this adapter is found once, in at most a
   * second and a half, and remembered (IndexedDB, or the user's cache folder on Node). `'off'`: always the fixed ones, so
   * that bits repeat across runs and machines of one adapter. Software adapters have the fixed ones, measured there.
   */
  tuning?: 'auto' | 'off'
}

/** How to make a model. */
export interface VaeOptions {
  /** Of the first weights, and of what is drawn later on unless a call has a seed of its own; 0 unless given. */
  seed?: number
}

/** What an engine is made of besides what it makes itself. */
export interface EngineParts extends Omit<EngineContext, 'errors' | 'sets' | 'idlePrograms' | 'lost'> {
  /** The tuner's clock, which ends with the engine. */
  clock?: GpuClock
}

/** Programs that no call uses keep so many bytes of activations, and are so many, at most. */
const IDLE_PROGRAM_BYTES = 2 ** 28
const MOST_IDLE_PROGRAMS = 24

/** A GPU device with the models on it. */
export class Engine {
  /** Resolves when the device is gone; models then throw the same error. */
  readonly lost: Promise<DeviceLostError>
  private readonly context: EngineContext
  private readonly models = new Set<ModelRuntime>()
  private destroyed = false

  /** @internal */
  constructor(private readonly parts: EngineParts) {
    const { device } = parts
    this.context = {
      ...parts,
      errors: new UncapturedErrors(device),
      sets: new DeviceSets(device),
      idlePrograms: new IdleCache(IDLE_PROGRAM_BYTES, MOST_IDLE_PROGRAMS),
    }
    this.lost = device.lost.then(({ reason, message }) => {
      const why = reason === 'destroyed' ? 'it was destroyed' : message || 'the driver reset or the GPU process ended'
      const way = 'Make a new engine and load the last saved file'
      this.context.lost = new DeviceLostError(`the GPU device is gone: ${why}. ${way}`)
      for (const model of this.models) model.end()
      return this.context.lost
    })
  }

  get device(): GPUDevice {
    return this.context.device
  }

  /** The adapter's vendor, architecture, device and description. */
  get adapterInfo(): GPUAdapterInfo {
    return this.context.info
  }

  /** The adapter is a CPU pretending to be a GPU (SwiftShader, llvmpipe, WARP). */
  get isSoftware(): boolean {
    return this.context.isSoftware
  }

  /**
   * A new model: weights Glorot-uniform from the seed, biases zero. The specification is checked whole first.
   * @throws SpecError with the path of what is wrong; MemoryError, with the plan of its memory and what would fit, when
   * this device cannot hold it
   */
  async createVae(spec: VaeSpec, options: VaeOptions = {}): Promise<Vae> {
    const model = checkSpec(spec)
    const { seed } = readVaeOptions(options)
    const runtime = await this.runtime(model, (made) => {
      made.write('parameters', initialParameters(made.arena.specs, seed))
    })
    return new Vae(runtime, seed)
  }

  /**
   * A model from a file that `save` wrote. Training goes on bit for bit when `train` gets no optimiser, or one of the same
   * settings, and the same data, batch size, KL weight, importance samples and free bits.
   * @throws FormatError when the file is truncated, altered, or not a saved model; MemoryError when this device cannot
   * hold the model
   */
  async load(file: Uint8Array | ArrayBuffer): Promise<Vae> {
    const bytes = fileBytes(file)
    if (!bytes) throw new FormatError(`load: needs a Uint8Array or an ArrayBuffer, got ${describe(file)}`)
    const saved = readModel(bytes)
    const runtime = await this.runtime(saved.model, (made) => restoreModel(made, saved))
    return new Vae(runtime, saved.seed, saved.training?.state)
  }

  /** Frees every model and data set, and the device unless the caller brought it. */
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const model of this.models) model.destroy()
    const { uniform, readback, sets, idlePrograms, errors, owned, device } = this.context
    idlePrograms.clear()
    for (const part of [uniform, readback, sets, errors, this.parts.clock]) part?.destroy()
    if (owned) device.destroy()
  }

  /** A model with what `fill` writes into it; one that fails is freed. */
  private async runtime(model: ModelRuntime['model'], fill: (runtime: ModelRuntime) => void): Promise<ModelRuntime> {
    if (this.context.lost) throw this.context.lost
    if (this.destroyed) throw new ElboError('destroyed', 'this engine was destroyed; create another one')
    const runtime: ModelRuntime = new ModelRuntime(this.context, model, () => this.models.delete(runtime))
    this.models.add(runtime)
    try {
      fill(runtime)
      await runtime.ready()
      return runtime
    } catch (error) {
      runtime.destroy()
      throw error
    }
  }
}

/**
 * The way in: an engine on the given device, or on one asked of the browser.
 * @throws UnsupportedError with the reason and the way out
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { tuning, ...wanted } = readEngineOptions(options)
  const context = await acquireDevice(wanted)
  const { device, info } = context
  const adapter = [info.vendor, info.architecture, info.device, info.description].join(' ')
  const clock = tuning === 'auto' && !context.isSoftware ? new GpuClock(device) : undefined
  const uniform = new StepUniform(device)
  const engine = new Engine({
    ...context,
    pipelines: new PipelineCache(device),
    tuner: clock && new Tuner(clock, adapter),
    clock,
    uniform,
    readback: new Readback(device),
  })
  try {
    await allocated([uniform.buffer])
    return engine
  } catch (error) {
    engine.destroy()
    throw error
  }
}

/** @throws SpecError */
function readEngineOptions(options: unknown) {
  const keys = { device: true, powerPreference: true, tuning: true } as const
  const { device, powerPreference: preference, tuning = 'auto' } = readOptions<EngineOptions>(options, 'createEngine', keys)
  const preferences = ['low-power', 'high-performance'] as const
  return {
    tuning: readName(tuning, 'createEngine.tuning', 'tuning', ['auto', 'off'] as const),
    device: device === undefined ? undefined : readDevice(device, 'createEngine.device'),
    powerPreference:
      preference === undefined
        ? undefined
        : readName(preference, 'createEngine.powerPreference', 'power preference', preferences),
  }
}

/** @throws SpecError */
function readVaeOptions(options: unknown): Required<VaeOptions> {
  const { seed = 0 } = readOptions<VaeOptions>(options, 'createVae', { seed: true })
  return { seed: readWhole(seed, 'createVae.seed', 0) }
}
