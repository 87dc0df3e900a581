import { fileBytes } from './arrays.js'
import { describe, readName, readOptions, readWeight, readWhole } from './checks.js'
import { GpuClock } from './device/clock.js'
import { acquireDevice, type DeviceContext, type DeviceOptions } from './device/device.js'
import { allocated } from './device/memory.js'
import { readDevice, readGpu } from './device/read-device.js'
import { DeviceLostError, ElboError, FormatError } from './errors.js'
import { pipelinesOf } from './kernels/pipelines.js'
import { Tuner } from './kernels/tuner.js'
import { checkSpec } from './model/check.js'
import type { EngineContext } from './model/context.js'
import { initialParameters } from './model/parameters.js'
import type { Network } from './model/network.js'
import { ModelRuntime } from './model/runtime.js'
import type { VaeSpec } from './model/spec.js'
import { Recovery, type EngineParts, type Succession } from './recovery.js'
import { Readback } from './schedule/readback.js'
import { StepUniform } from './schedule/step.js'
import type { Settle } from './train/code-prior.js'
import { readModel, restoreModel } from './train/file.js'
import { LiveModel, type Home, type HostCopy } from './train/live-model.js'
import { Vae } from './vae.js'

/** How to make an engine. */
export interface EngineOptions extends DeviceOptions {
  /**
   * `'auto'` unless given: where a kernel has several tilings, the fastest on this adapter is found once, in at most a
   * second and a half, and remembered (IndexedDB, or the user's cache folder on Node). `'off'`: always the fixed ones, so
   * that bits repeat across runs and machines of one adapter. Software adapters have the fixed ones, measured there.
   */
  tuning?: 'auto' | 'off'
  /**
   * For how long another device is asked for when this one is lost: 150 seconds unless given, since Chrome refuses for
   * two minutes after the second crash of its GPU process. 0: models and runs end with the device.
   */
  recoverySeconds?: number
}

const RECOVERY_SECONDS = 150

/** How to make a model. */
export interface VaeOptions {
  /** Of the first weights, and of what is drawn later on unless a call has a seed of its own; 0 unless given. */
  seed?: number
}


/** A GPU device with the models on it. */
export class Engine {
  private readonly recovery: Recovery
  /** What the models know of the engine. */
  private readonly home: Home
  private readonly settle: Settle = (network, copy) => this.live(network, copy)
  private readonly models = new Set<LiveModel<Network>>()
  private destroyed = false

  /** @internal @param succession how a device that is lost is followed by another one */
  constructor(parts: EngineParts, succession?: Succession) {
    const inhabitants = {
      end: () => this.models.forEach(({ runtime }) => runtime.end()),
      rebuild: async (context: EngineContext) => {
        for (const model of [...this.models]) await model.rebuild(context)
      },
    }
    const recovery = new Recovery(parts, inhabitants, succession)
    this.recovery = recovery
    this.home = {
      recovers: recovery.recovers,
      get losses() {
        return recovery.losses
      },
      recovered: () => recovery.recovered(),
      left: (model) => this.models.delete(model),
    }
  }

  /**
   * Resolves when the device is gone for good; models then throw the same error. A device that the engine got itself is
   * followed by another one when it is lost, and models and runs go on there; this resolves when there is no other.
   */
  get lost(): Promise<DeviceLostError> {
    return this.recovery.lost
  }

  /** The present device. */
  get device(): GPUDevice {
    return this.recovery.context.device
  }

  /** The adapter's vendor, architecture, device and description. */
  get adapterInfo(): GPUAdapterInfo {
    return this.recovery.context.info
  }

  /** The adapter is a CPU pretending to be a GPU (SwiftShader, llvmpipe, WARP). */
  get isSoftware(): boolean {
    return this.recovery.context.isSoftware
  }

  /**
   * A new model: weights Glorot-uniform from the seed, biases zero. The specification is checked whole first.
   * @throws SpecError with the path of what is wrong; MemoryError, with the plan of its memory and what would fit, when
   * this device cannot hold it
   */
  async createVae(spec: VaeSpec, options: VaeOptions = {}): Promise<Vae> {
    const model = checkSpec(spec)
    const { seed } = readVaeOptions(options)
    const write = (runtime: ModelRuntime<Network>) => {
      runtime.write('parameters', initialParameters(runtime.arena.specs, seed))
    }
    return new Vae(await this.live(model, { write }), seed, this.settle)
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
    const write = (runtime: ModelRuntime<Network>) => restoreModel(runtime, saved)
    const live = await this.live(saved.model, { write, state: saved.training?.state })
    const { prior } = saved
    if (!prior) return new Vae(live, saved.seed, this.settle)
    const writePrior = (runtime: ModelRuntime<Network>) => restoreModel(runtime, prior)
    try {
      const ofPrior = await this.live(prior.network, { write: writePrior, state: prior.training!.state })
      return new Vae(live, saved.seed, this.settle, ofPrior)
    } catch (error) {
      live.destroy()
      throw error
    }
  }

  /** Frees every model and data set, and the device unless the caller brought it. */
  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    for (const model of this.models) model.destroy()
    this.recovery.destroy()
  }

  /** A model with what the copy writes into it; one that fails is freed. */
  private async live<N extends Network>(model: N, copy: HostCopy): Promise<LiveModel<N>> {
    for (;;) {
      if (this.destroyed) throw new ElboError('destroyed', 'this engine was destroyed; create another one')
      await this.recovery.recovered()
      const { context } = this.recovery
      const runtime = new ModelRuntime(context, model)
      const live = new LiveModel(runtime, this.home, copy)
      this.models.add(live)
      try {
        copy.write(runtime)
        await runtime.ready()
        return live
      } catch (error) {
        live.destroy()
        if (!(error instanceof DeviceLostError) || !this.recovery.recovers) throw error
      }
    }
  }
}

/**
 * The way in: an engine on the given device, or on one asked of the browser.
 * @throws UnsupportedError with the reason and the way out
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { tuning, recoverySeconds, ...wanted } = readEngineOptions(options)
  const acquire = () => acquireDevice(wanted)
  const parts = (device: DeviceContext, before?: EngineParts) => partsOf(device, tuning, before)
  const first = await parts(await acquire())
  const recovers = recoverySeconds > 0 && (wanted.device === undefined || typeof wanted.device === 'function')
  return new Engine(first, recovers ? { acquire, parts, withinMs: 1000 * recoverySeconds } : undefined)
}

/** @param before of the device before, whose tilings are taken over where the adapter is the same */
async function partsOf(acquired: DeviceContext, tuning: 'auto' | 'off', before?: EngineParts): Promise<EngineParts> {
  const { device, info, isSoftware, owned } = acquired
  const nameOf = ({ vendor, architecture, device: name, description }: GPUAdapterInfo) =>
    [vendor, architecture, name, description].join(' ')
  const clock = tuning === 'auto' && !isSoftware ? new GpuClock(device) : undefined
  const known = before && nameOf(before.info) === nameOf(info) ? before.tuner : undefined
  const tuner = clock && (known?.follow(clock) ?? new Tuner(clock, nameOf(info)))
  const [uniform, readback] = [new StepUniform(device), new Readback(device)]
  try {
    await allocated([uniform.buffer])
    return { ...acquired, pipelines: pipelinesOf(device), tuner, clock, uniform, readback }
  } catch (error) {
    for (const part of [uniform, clock]) part?.destroy()
    if (owned) device.destroy()
    throw error
  }
}

/** @throws SpecError */
function readEngineOptions(options: unknown) {
  const keys = { device: true, gpu: true, powerPreference: true, tuning: true, recoverySeconds: true } as const
  const given = readOptions<EngineOptions>(options, 'createEngine', keys)
  const { device, gpu, powerPreference: preference, tuning = 'auto', recoverySeconds = RECOVERY_SECONDS } = given
  const preferences = ['low-power', 'high-performance'] as const
  return {
    tuning: readName(tuning, 'createEngine.tuning', 'tuning', ['auto', 'off'] as const),
    recoverySeconds: readWeight(recoverySeconds, 'createEngine.recoverySeconds'),
    device: readDeviceOption(device),
    gpu: gpu === undefined ? undefined : readGpu(gpu, 'createEngine.gpu'),
    powerPreference:
      preference === undefined
        ? undefined
        : readName(preference, 'createEngine.powerPreference', 'power preference', preferences),
  }
}

/** A device, or a function that gives one. @throws SpecError */
function readDeviceOption(value: unknown): DeviceOptions['device'] {
  const path = 'createEngine.device'
  if (value === undefined) return undefined
  if (typeof value !== 'function') return readDevice(value, path)
  return async () => readDevice(await value(), `${path}()`)
}

/** @throws SpecError */
function readVaeOptions(options: unknown): Required<VaeOptions> {
  const { seed = 0 } = readOptions<VaeOptions>(options, 'createVae', { seed: true })
  return { seed: readWhole(seed, 'createVae.seed', 0) }
}
