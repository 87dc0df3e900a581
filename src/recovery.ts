import { GpuClock } from './device/clock.js'
import type { DeviceContext } from './device/device.js'
import { UncapturedErrors } from './device/faults.js'
import { IdleCache } from './device/memory.js'
import { answers, persist } from './device/reacquire.js'
import { DeviceLostError } from './errors.js'
import type { EngineContext } from './model/context.js'
import { DeviceSets } from './model/device-set.js'

/** What an engine is made of besides what it makes itself. */
export interface EngineParts extends Omit<EngineContext, 'errors' | 'sets' | 'idlePrograms' | 'lost'> {
  /** The tuner's clock, which ends with the engine. */
  clock?: GpuClock
}

/** How an engine gets another device once its own is lost. */
export interface Succession {
  /** Asks for a device anew. */
  acquire(): Promise<DeviceContext>
  /** What the engine is made of on that device; the parts before are those of the lost one. */
  parts(device: DeviceContext, before: EngineParts): Promise<EngineParts>
  /** How long to ask. */
  withinMs: number
}

/** What lives on the device. */
export interface Inhabitants {
  /** The device is lost: wakes whoever waits for it. */
  end(): void
  /** Makes everything again on the next one. */
  rebuild(context: EngineContext): Promise<void>
}

/** Programs that no call uses keep so many bytes of activations, and are so many, at most. */
const IDLE_PROGRAM_BYTES = 2 ** 28
const MOST_IDLE_PROGRAMS = 24

/** From the sixth loss within a minute on, there is a wait before the next device is asked for. */
const OFTEN = 5
const OFTEN_MS = 60_000

/** So many devices that are lost one after another before one answers with everything on it are enough. */
const MOST_FRUITLESS = 5

/** The device that an engine lives on, followed by another one when it is lost. */
export class Recovery {
  /** Resolves when the device is gone for good, or when the engine is destroyed. */
  readonly lost: Promise<DeviceLostError>
  private present: EngineContext
  private returning: Promise<void> = Promise.resolve()
  private readonly lostAtMs: number[] = []
  private fruitless = 0
  private destroyed = false
  private tell: (error: DeviceLostError) => void = () => {}

  /** @param succession none where a device that is lost stays lost */
  constructor(
    private parts: EngineParts,
    private readonly inhabitants: Inhabitants,
    private readonly succession?: Succession,
  ) {
    this.lost = new Promise((resolve) => (this.tell = resolve))
    this.present = this.contextOf(parts)
  }

  /** What the models share on the present device. */
  get context(): EngineContext {
    return this.present
  }

  /** Whether another device follows one that is lost. */
  get recovers(): boolean {
    return this.succession !== undefined
  }

  /** How many devices were lost so far. */
  get losses(): number {
    return this.lostAtMs.length
  }

  /** Resolves once everything lives on another device, at once when nothing is lost. Rejects when there is none. */
  async recovered(): Promise<void> {
    for (;;) {
      const { returning } = this
      try {
        await returning
        if (returning === this.returning) return
      } catch (error) {
        if (returning === this.returning) throw error
      }
    }
  }

  /** Frees what belongs to the engine, the device too unless the caller brought it. */
  destroy(): void {
    this.destroyed = true
    this.release()
    const { owned, device } = this.present
    if (owned) device.destroy()
  }

  private contextOf(parts: EngineParts): EngineContext {
    const { device } = parts
    const context: EngineContext = {
      ...parts,
      errors: new UncapturedErrors(device),
      sets: new DeviceSets(device),
      idlePrograms: new IdleCache(IDLE_PROGRAM_BYTES, MOST_IDLE_PROGRAMS),
    }
    void device.lost.then(({ reason, message }) => {
      const why = reason === 'destroyed' ? 'it was destroyed' : message || 'the driver reset or the GPU process ended'
      this.handle(context, why)
    })
    return context
  }

  /** A device is lost. What it breaks from here on waits for `returning`. */
  private handle(context: EngineContext, why: string): void {
    const way = this.recovers ? '' : '. Make a new engine and load the last saved file'
    const error = new DeviceLostError(`the GPU device is gone: ${why}${way}`)
    context.lost = error
    this.lostAtMs.push(performance.now())
    const returning = this.destroyed || !this.recovers ? Promise.reject(error) : this.follow(why)
    this.returning = returning
    returning.catch((reason) => {
      if (this.returning === returning) this.tell(reason)
    })
    this.inhabitants.end()
  }

  /** Gets another device and moves in. */
  private async follow(why: string): Promise<void> {
    const { acquire, parts, withinMs } = this.succession!
    const now = performance.now()
    const often = this.lostAtMs.filter((atMs) => now - atMs < OFTEN_MS).length - OFTEN
    const waitMs = often > 0 ? Math.min(100 * 2 ** often, 10_000) : 0
    const leave = ({ device, owned }: DeviceContext) => owned && device.destroy()
    try {
      if (++this.fruitless > MOST_FRUITLESS) throw new Error(`${MOST_FRUITLESS} devices were lost one after another`)
      const next = await persist(acquire, { withinMs, waitMs, ended: () => this.destroyed }, leave)
      if (this.destroyed) {
        leave(next)
        throw new Error('the engine was destroyed meanwhile')
      }
      const made = await parts(next, this.parts)
      this.release()
      this.parts = made
      this.present = this.contextOf(made)
      await this.inhabitants.rebuild(this.present).finally(() => answers(next.device))
      this.fruitless = 0
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const way = 'Then load the last saved file'
      throw new DeviceLostError(`the GPU device is gone: ${why}, and no other takes its place: ${reason}. ${way}`, { cause })
    }
  }

  private release(): void {
    const { uniform, readback, sets, idlePrograms, errors } = this.present
    idlePrograms.clear()
    for (const part of [uniform, readback, sets, errors, this.parts.clock]) part?.destroy()
  }
}
