import type { Timing } from '../results.js'

/** Encodes one execution of the work to be timed. */
export type Work = (pass: GPUComputePassEncoder) => void

export interface TimingOptions {
  /** Least GPU time of a sample: its work is repeated until it takes this long. */
  sampleMs: number
  /** Samples of each work. */
  repetitions: number
}

const MOST_EXECUTIONS = 20_000

/** Times work on the GPU: repeated in one pass until it is long enough, divided by the number of repetitions. */
export class Timer {
  private readonly queries: GPUQuerySet | undefined
  private readonly resolved: GPUBuffer
  private readonly staging: GPUBuffer
  private trusted = true

  constructor(private readonly device: GPUDevice, readonly options: TimingOptions) {
    if (device.features.has('timestamp-query')) {
      this.queries = device.createQuerySet({ label: 'bench.queries', type: 'timestamp', count: 2 })
    }
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage
    this.resolved = device.createBuffer({ label: 'bench.timestamps', size: 16, usage: QUERY_RESOLVE | COPY_SRC })
    this.staging = device.createBuffer({ label: 'bench.staging', size: 16, usage: COPY_DST | MAP_READ })
  }

  /** Chrome rounds timestamps to 100 µs; samples are long enough for that. */
  get clock(): 'timestamp-query' | 'queue completion' {
    return this.queries && this.trusted ? 'timestamp-query' : 'queue completion'
  }

  /** Warms up and times each work, taking turns, so that what disturbs one disturbs the others alike. */
  async measure(works: Work[]): Promise<Timing[]> {
    const executions: number[] = []
    for (const work of works) executions.push(await this.calibrate(work))
    const samples: number[][] = works.map(() => [])
    for (let repetition = 0; repetition < this.options.repetitions; repetition++) {
      for (const [i, work] of works.entries()) {
        samples[i].push((await this.run(work, executions[i])) / executions[i])
      }
    }
    return samples.map((samplesMs, i) => summarize(samplesMs, executions[i]))
  }

  /** Executions that take `sampleMs` together. Running up to them is the warm-up. */
  private async calibrate(work: Work): Promise<number> {
    const { sampleMs } = this.options
    await this.run(work, 1)
    let executions = 1
    for (;;) {
      const elapsedMs = await this.run(work, executions)
      if (elapsedMs >= sampleMs || executions >= MOST_EXECUTIONS) return executions
      const factor = Math.min(10, Math.max(1.5, (1.2 * sampleMs) / Math.max(elapsedMs, 1e-3)))
      executions = Math.min(MOST_EXECUTIONS, Math.ceil(executions * factor))
    }
  }

  /** Milliseconds of that many executions in one pass. */
  private async run(work: Work, executions: number): Promise<number> {
    const { device, queries } = this
    const encoder = device.createCommandEncoder({ label: 'bench' })
    const timestampWrites = queries && {
      querySet: queries,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    }
    const pass = encoder.beginComputePass({ label: 'bench', timestampWrites })
    for (let i = 0; i < executions; i++) work(pass)
    pass.end()
    if (queries) {
      encoder.resolveQuerySet(queries, 0, 2, this.resolved, 0)
      encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, 16)
    }
    const commands = encoder.finish()
    const start = performance.now()
    device.queue.submit([commands])
    await device.queue.onSubmittedWorkDone()
    const wallMs = performance.now() - start
    return queries ? this.timestamps(wallMs) : wallMs
  }

  /** What the timestamps say, unless they contradict the clock on the wall: then that, from now on. */
  private async timestamps(wallMs: number): Promise<number> {
    await this.staging.mapAsync(GPUMapMode.READ)
    const [first, last] = new BigUint64Array(this.staging.getMappedRange())
    this.staging.unmap()
    const gpuMs = Number(last - first) / 1e6
    const plausible = gpuMs <= 1.1 * wallMs + 0.5 && gpuMs >= 0.05 * wallMs
    if (!plausible && wallMs >= this.options.sampleMs) this.trusted = false
    return this.trusted ? gpuMs : wallMs
  }
}

/** Median, minimum and spread of samples that are milliseconds an execution. */
export function summarize(samplesMs: number[], executions: number): Timing {
  const medianMs = median(samplesMs)
  const minMs = Math.min(...samplesMs)
  const spread = (Math.max(...samplesMs) - minMs) / medianMs
  return { medianMs, minMs, spread, samplesMs, executions }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How many times as long `slow` took as `fast`: the median over samples taken in turns. */
export function pairedRatio(slow: Timing, fast: Timing): number {
  return median(slow.samplesMs.map((ms, i) => ms / fast.samplesMs[i]))
}
