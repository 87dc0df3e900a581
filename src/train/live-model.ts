import { DeviceLostError, ElboError } from '../errors.js'
import type { EngineContext } from '../model/context.js'
import type { Model } from '../model/model.js'
import type { Network } from '../model/network.js'
import { ModelRuntime } from '../model/runtime.js'
import type { Tensor } from '../tensor.js'
import { savedBuffers, writeContents } from './contents.js'
import type { TrainingState } from './state.js'
import { adoptHeld } from './stopping.js'

/** What a model has learned and where its training stood then, known to the host: enough to make it again elsewhere. */
export interface HostCopy {
  write(runtime: ModelRuntime<Network>): void
  /** Undefined before any training. */
  state?: TrainingState
}

/** What a model needs of the engine that it lives in. */
export interface Home {
  /** A device that is lost is followed by another one; else copies for that case are not kept. */
  readonly recovers: boolean
  /** How many devices were lost so far. */
  readonly losses: number
  /** Resolves once the models live on another device. Rejects with DeviceLostError when there is none. */
  recovered(): Promise<void>
  /** The model was destroyed. */
  left(model: LiveModel<Network>): void
}

/** A call whose device is lost is made again on the next one, but not for ever: it may be what the GPU cannot stand. */
const MOST_ATTEMPTS = 3

/** Between copies after steps of the caller's own. */
const EVERY_MS = 1000

/**
 * A model that outlives its device: the runtime on the present one, and a copy on the host from which it is made again
 * on the next. Copies are taken when it is created, loaded and trained; of a run that is under way every second or so.
 */
export class LiveModel<N extends Network = Model> {
  /** Where training stands: moved on as results arrive, and back to the copy's when the device is lost. */
  state: TrainingState | undefined
  /** Parameters set since the copy was taken. */
  private edits: Record<string, Tensor> = {}
  private lostSteps = 0
  private keptAtMs = -Infinity
  private readonly rewound = new Set<() => void>()
  private present: ModelRuntime<N>
  private destroyed = false
  private end: () => void = () => {}
  private readonly ended = new Promise<void>((resolve) => (this.end = resolve))

  /** @param copy what the runtime holds now */
  constructor(
    runtime: ModelRuntime<N>,
    private readonly home: Home,
    private copy: HostCopy,
  ) {
    this.present = runtime
    this.state = copy.state && { ...copy.state }
  }

  /** The model on the present device. */
  get runtime(): ModelRuntime<N> {
    return this.present
  }

  get model(): N {
    return this.present.model
  }

  get recovers(): boolean {
    return this.home.recovers
  }

  /** How many devices were lost so far. */
  get losses(): number {
    return this.home.losses
  }

  /**
   * Runs what only reads the model, on the next device again where this one is lost meanwhile.
   * @throws what `body` throws; DeviceLostError where there is no next device
   */
  async use<T>(body: (runtime: ModelRuntime<N>) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await body(this.present)
      } catch (error) {
        if (!(error instanceof DeviceLostError) || attempt === MOST_ATTEMPTS) throw error
        await this.recovered()
      }
    }
  }

  /**
   * Resolves once the model lives on another device. Rejects with DeviceLostError when there is none, and when the
   * model is destroyed meanwhile.
   */
  async recovered(): Promise<void> {
    await Promise.race([this.home.recovered(), this.ended])
    if (this.destroyed) throw new ElboError('destroyed', 'this model was destroyed; create or load another one')
  }

  /** Calls back when the state has moved back to the copy's. @returns a function that removes the listener */
  onRewind(listener: () => void): () => void {
    this.rewound.add(listener)
    return () => this.rewound.delete(listener)
  }

  /**
   * Training goes on from `state`.
   * @param cleared moments that begin at zero
   */
  begin(state: TrainingState, cleared: readonly ('m' | 'v')[]): void {
    const { copy } = this
    this.state = state
    const clear = (runtime: ModelRuntime<Network>) => {
      for (const moment of cleared) runtime.clear(moment)
    }
    if (!this.present.isLost) clear(this.present) // else the next device gets them so
    if (!this.recovers) return
    const write = (runtime: ModelRuntime<Network>) => {
      copy.write(runtime)
      clear(runtime)
    }
    const goesOn = copy.state?.optimizer.type === state.optimizer.type && copy.state.step <= state.step
    const { optimizer, seed } = state
    this.copy = {
      write: cleared.length > 0 ? write : copy.write,
      state: goesOn ? { ...copy.state!, optimizer, seed } : { ...state },
    }
  }

  /** Sets parameters by name, here and in what the next device gets. */
  set(values: Record<string, Tensor>): void {
    this.present.check()
    if (this.state) adoptHeld(this.state)
    this.present.write('parameters', values)
    if (!this.recovers) return
    for (const [name, { shape, data }] of Object.entries(values)) this.edits[name] = { shape, data: data.slice() }
  }

  /**
   * Copies what the model has learned to the host, as it is after all that has been submitted.
   * @param state where training stands then
   * @returns the words of `savedBuffers`, one after another
   */
  async keep(state: TrainingState | undefined): Promise<Float32Array> {
    const runtime = this.present
    const edits = this.edits
    this.edits = {}
    const known = state && { ...state }
    try {
      const ranges = savedBuffers(runtime, known).map((buffer) => ({ buffer, offsetBytes: 0, sizeBytes: buffer.size }))
      const words = await runtime.readback(runtime.encoder('a copy for the host'), ranges)
      if (this.recovers && !runtime.isLost) {
        this.copy = { write: (next) => writeContents(next, known, words), state: known }
      }
      return words
    } catch (error) {
      this.edits = { ...edits, ...this.edits }
      throw error
    }
  }

  /** Copies after a step of the caller's own, unless that was done in the last second. */
  keepWhenDue(): void {
    if (!this.recovers || performance.now() - this.keptAtMs < EVERY_MS) return
    this.keptAtMs = performance.now()
    this.keep(this.state && { ...this.state }).catch(() => {}) // with an older copy more steps are lost, which is told
  }

  /** How many steps the last loss of the device took back, once. */
  takeLostSteps(): number {
    const { lostSteps } = this
    this.lostSteps = 0
    return lostSteps
  }

  /** Makes the model again on another device, as the copy has it. */
  async rebuild(context: EngineContext): Promise<void> {
    if (this.destroyed) return
    const { copy, present } = this
    const runtime = new ModelRuntime(context, present.model)
    try {
      copy.write(runtime)
      runtime.write('parameters', this.edits)
      await runtime.ready()
    } catch (error) {
      runtime.destroy()
      throw error
    }
    present.destroy()
    if (this.destroyed) return runtime.destroy()
    this.present = runtime
    if (this.state && copy.state) {
      this.lostSteps += this.state.step - copy.state.step
      Object.assign(this.state, copy.state, { stopping: copy.state.stopping })
      if (Object.keys(this.edits).length > 0) adoptHeld(this.state)
    }
    for (const listener of this.rewound) listener()
  }

  /** Frees everything; later calls throw. */
  destroy(): void {
    this.destroyed = true
    this.end()
    this.present.destroy()
    this.home.left(this)
  }
}
