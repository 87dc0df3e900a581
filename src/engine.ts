import { fileBytes } from './arrays.js'
import { describe, readName, readOptions, readWhole } from './checks.js'
import { GpuClock } from './device/clock.js'
import { acquireDevice, type DeviceOptions } from './device/device.js'
import { readDevice } from './device/read-device.js'
import { DeviceLostError, ElboError, FormatError } from './errors.js'
import { PipelineCache } from './kernels/pipelines.js'
import { Tuner } from './kernels/tuner.js'
import { checkSpec } from './model/check.js'
import { initialParameters } from './model/parameters.js'
import { ModelRuntime, type EngineContext } from './model/runtime.js'
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

/** A GPU device with the models on it. */
export class Engine {
  /** Resolves when the device is gone; models then throw the same error. */
  readonly lost: Promise<DeviceLostError>
  private readonly models = new Set<ModelRuntime>()
  private destroyed = false

  /** @internal */
  constructor(private readonly context: EngineContext) {
    this.lost = context.device.lost.then(({ reason, message }) => {
      const why = reason === 'destroyed' ? 'it was destroyed' : message || 'the driver reset or the GPU process ended'
      context.lost = new DeviceLostError(`the GPU device is gone: ${why}. Make a new engine and load the last saved file`)
      for (const model of this.models) model.end()
      return context.lost
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
   * @throws SpecError with the path of what is wrong
   */
  async createVae(spec: VaeSpec, options: VaeOptions = {}): Promise<Vae> {
    const model = checkSpec(spec)
    const { seed } = readVaeOptions(options)
    const runtime = this.runtime(model)
    runtime.write('parameters', initialParameters(runtime.arena.specs, seed))
    return new Vae(runtime, seed)
  }

  /**
   * A model from a file that `save` wrote. Training goes on bit for bit when `train` gets no optimiser, or one of the same
   * settings, and the same data, batch size, KL weight, importance samples and free bits.
   * @throws FormatError when the file is truncated, altered, or not a saved model
   */
  async load(file: Uint8Array | ArrayBuffer): Promise<Vae> {
    const bytes = fileBytes(file)
    if (!bytes) throw new FormatError(`load: needs a Uint8Array or an ArrayBuffer, got ${describe(file)}`)
    const saved = readModel(bytes)
    const runtime = this.runtime(saved.model)
    restoreModel(runtime, saved)
    return new Vae(runtime, saved.seed, saved.training?.state)
  }

  /** Frees every model, and the device unless the caller brought it. */
  destroy(): void {
    this.destroyed = true
    for (const model of this.models) model.destroy()
    this.models.clear()
    this.context.uniform.destroy()
    this.context.readback.destroy()
    if (this.context.owned) this.context.device.destroy()
  }

  private runtime(model: ModelRuntime['model']): ModelRuntime {
    if (this.context.lost) throw this.context.lost
    if (this.destroyed) throw new ElboError('destroyed', 'this engine was destroyed; create another one')
    const runtime = new ModelRuntime(this.context, model)
    this.models.add(runtime)
    return runtime
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
  return new Engine({
    ...context,
    pipelines: new PipelineCache(device),
    tuner: tuning === 'auto' && !context.isSoftware ? new Tuner(new GpuClock(device), adapter) : undefined,
    uniform: new StepUniform(device),
    readback: new Readback(device),
  })
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
