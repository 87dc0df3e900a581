import type { GpuClock } from '../../src/device/clock.js'
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
  constructor(
    private readonly clock: GpuClock,
    private readonly options: TimingOptions,
  ) {}

  /** Warms up and times each work, taking turns, so that what disturbs one disturbs the others alike. */
  async measure(works: readonly Work[]): Promise<Timing[]> {
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
      if (elapsedMs >= sampleMs) return executions
      if (executions === MOST_EXECUTIONS) {
        if (elapsedMs > 0) return executions
        throw new Error(`the GPU's clock says that ${executions} executions took no time`)
      }
      const factor = Math.min(10, Math.max(1.5, (1.2 * sampleMs) / Math.max(elapsedMs, 1e-3)))
      executions = Math.min(MOST_EXECUTIONS, Math.ceil(executions * factor))
    }
  }

  private run(work: Work, executions: number): Promise<number> {
    return this.clock.time((pass) => {
      for (let i = 0; i < executions; i++) work(pass)
    })
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
