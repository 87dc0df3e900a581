import type { Dataset } from '../data/dataset.js'
import { SpecError } from '../errors.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Augmentation } from '../ops/gather.js'
import { NO_UPDATE } from '../ops/update.js'
import { streamKey, STREAMS } from '../random.js'
import { StepQueue } from '../schedule/step-queue.js'
import { identityOrder } from './evaluate.js'

const STEPS_PER_SUBMISSION = 8

/** How the bound is estimated. */
export interface ImportanceOptions {
  /** Draws of z an image. */
  samples: number
  seed: number
  batchSize: number
  binarize?: Augmentation['binarize']
}

/**
 * −log (1/K) Σ_k p(x|z_k) p(z_k) / q(z_k|x), averaged over the set's images (Burda, Grosse & Salakhutdinov 2016).
 * A batch is drawn K times, one after another; each image keeps a running log-sum-exp, so that nothing grows with K.
 * @throws SpecError for a latent without a posterior to draw from
 */
export async function importanceWeighted(
  runtime: ModelRuntime,
  data: Dataset,
  { samples, seed, batchSize, binarize }: ImportanceOptions,
): Promise<number> {
  if (runtime.model.latent.type !== 'gaussian') {
    throw new SpecError('evaluate.importanceSamples', `a ${runtime.model.latent.type} latent has no posterior to draw from`)
  }
  const batch = Math.min(batchSize, data.count)
  const set = runtime.set(data)
  const input = { type: 'set', count: data.count, chunks: set.chunks, binarize } as const
  const request = { batch, input, noise: 'drawn', output: 'losses', sampled: true } as const
  return runtime.with(request, async (program) => {
    const { device, uniform } = runtime.context
    const order = identityOrder(device, data.count)
    runtime.bind(program, { ...set.storages, order })
    const queue = new StepQueue(device, uniform, program)
    const sums = new LogSums(data.count)
    const key = streamKey(seed, STREAMS.IMPORTANCE)
    const pending: Promise<void>[] = []
    const steps = Math.ceil(data.count / program.batch) * samples
    try {
      for (let step = 0; step < steps; ) {
        await runtime.guard(queue.ready())
        runtime.check()
        const firsts: number[] = []
        for (; firsts.length < STEPS_PER_SUBMISSION && step < steps; step++) {
          const chunk = Math.floor(step / samples)
          const first = chunk * program.batch
          const size = Math.min(program.batch, data.count - first)
          const values = { batch: size, cursor: first, counter: chunk, seed: key, scale: 1 / size }
          queue.add({ ...values, ...NO_UPDATE, klWeight: 1, noiseRow: (step % samples) * program.batch })
          firsts.push(first)
        }
        const submission = queue.submit((_, __, ring) => {
          firsts.forEach((first, slot) => sums.add(ring, slot * 2 * program.rows, program.rows, first, program.batch))
        })
        submission.catch(() => {}) // reported by the wait below
        pending.push(submission)
      }
      await runtime.guard(Promise.all(pending))
    } finally {
      queue.destroy()
      order.destroy()
    }
    return sums.negativeMeanLog(samples)
  })
}

/** A running log Σ exp(log weight) for every image, in float64. */
class LogSums {
  private readonly largest: Float64Array
  private readonly scaled: Float64Array

  constructor(count: number) {
    this.largest = new Float64Array(count).fill(-Infinity)
    this.scaled = new Float64Array(count)
  }

  /** Adds a slot of the loss ring: −log weight is reconstruction plus log q − log p. */
  add(ring: Float32Array, at: number, rows: number, first: number, batch: number): void {
    for (let n = 0; n < batch && first + n < this.largest.length; n++) {
      const log = -(ring[at + n] + ring[at + rows + n])
      const image = first + n
      if (log > this.largest[image]) {
        this.scaled[image] = this.scaled[image] * Math.exp(this.largest[image] - log) + 1
        this.largest[image] = log
      } else {
        this.scaled[image] += Math.exp(log - this.largest[image])
      }
    }
  }

  /** −log of the mean weight over so many samples, averaged over images. */
  negativeMeanLog(samples: number): number {
    let sum = 0
    for (let i = 0; i < this.largest.length; i++) sum -= this.largest[i] + Math.log(this.scaled[i] / samples)
    return sum / this.largest.length
  }
}
