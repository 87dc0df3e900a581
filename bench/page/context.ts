import type { DeviceContext } from '../../src/device/device.js'
import type { Engine } from '../../src/index.js'
import { PipelineCache } from '../../src/kernels/pipelines.js'
import { Readback } from '../../src/schedule/readback.js'
import { StepUniform, type StepValues } from '../../src/schedule/step.js'
import { streamKey, STREAMS } from '../../src/random.js'
import type { BenchOptions } from '../results.js'
import { Timer } from './timing.js'

/** What every part of a run shares. */
export interface BenchContext {
  options: BenchOptions
  device: DeviceContext
  pipelines: PipelineCache
  uniform: StepUniform
  readback: Readback
  timer: Timer
  progress(message: string): void
}

export function benchContext(engine: Engine, options: BenchOptions, progress: (message: string) => void): BenchContext {
  const { device, adapterInfo, isSoftware } = engine
  const timing = options.quick ? { sampleMs: 5, repetitions: 3 } : { sampleMs: 20, repetitions: 7 }
  return {
    options,
    device: { device, info: adapterInfo, isSoftware, owned: false },
    pipelines: new PipelineCache(device),
    uniform: new StepUniform(device),
    readback: new Readback(device),
    timer: new Timer(device, timing),
    progress,
  }
}

/** The values of the one step that benchmarks run again and again. */
export function stepValues(seed: number, batch: number): StepValues {
  return {
    batch,
    slot: 0,
    cursor: 0,
    row: 0,
    counter: 1,
    seed: streamKey(seed, STREAMS.NOISE),
    scale: 1 / batch,
    klWeight: 1,
    rate: 1e-3,
    rootScale: 1,
  }
}

/** Runs `body` and throws what WebGPU objected to meanwhile. */
export async function scoped<T>({ device: { device } }: BenchContext, body: () => Promise<T>): Promise<T> {
  const filters: GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']
  for (const filter of filters) device.pushErrorScope(filter)
  let errors: (GPUError | null)[] = []
  try {
    return await body()
  } finally {
    errors = await Promise.all(filters.map(() => device.popErrorScope()))
    const first = errors.find((error) => error !== null)
    if (first) throw new Error(`WebGPU: ${first.message}`)
  }
}
