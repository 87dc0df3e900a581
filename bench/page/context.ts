import { GpuClock } from '../../src/device/clock.js'
import type { Engine } from '../../src/index.js'
import { pipelinesOf } from '../../src/kernels/pipelines.js'
import { Tuner } from '../../src/kernels/tuner.js'
import type { ScheduleContext } from '../../src/schedule/context.js'
import { Readback } from '../../src/schedule/readback.js'
import { StepUniform } from '../../src/schedule/step.js'
import type { BenchOptions } from '../results.js'
import type { Ability } from './cases.js'
import { Timer } from './timing.js'

/** What every part of a run shares. */
export interface BenchContext {
  options: BenchOptions
  /** With the tuner, so that plans have the tilings that the engine remembers. */
  schedule: ScheduleContext
  readback: Readback
  timer: Timer
  clock: GpuClock
  ability: Ability
  progress(message: string): void
}

export function benchContext(engine: Engine, options: BenchOptions, progress: (message: string) => void): BenchContext {
  const { device, adapterInfo } = engine
  const clock = new GpuClock(device)
  const { vendor, architecture, device: name, description } = adapterInfo
  return {
    options,
    schedule: {
      device,
      isSoftware: engine.isSoftware,
      pipelines: pipelinesOf(device),
      tuner: engine.isSoftware ? undefined : new Tuner(clock, [vendor, architecture, name, description].join(' ')),
      uniform: new StepUniform(device),
    },
    readback: new Readback(device),
    timer: new Timer(clock, options.quick ? { sampleMs: 5, repetitions: 3 } : { sampleMs: 20, repetitions: 7 }),
    clock,
    ability: { features: device.features, hardwareTilings: !engine.isSoftware || options.allTilings },
    progress,
  }
}

/** Runs `body` and throws what WebGPU objected to meanwhile. */
export async function scoped<T>({ schedule: { device } }: BenchContext, body: () => Promise<T>): Promise<T> {
  const filters: GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']
  for (const filter of filters) device.pushErrorScope(filter)
  const outcome = await body().then((value) => ({ value }), (error: unknown) => ({ error }))
  const errors = await Promise.all(filters.map(() => device.popErrorScope()))
  const objection = errors.find((error) => error !== null)
  if (objection) throw new Error(`WebGPU: ${objection.message}`)
  if ('error' in outcome) throw outcome.error
  return outcome.value
}
