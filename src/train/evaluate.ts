import type { ModelRuntime } from '../model/runtime.js'
import { BufferUsage } from '../device/flags.js'
import type { Dataset } from '../data/dataset.js'
import type { Augmentation } from '../ops/gather.js'
import { NO_UPDATE } from '../ops/update.js'
import { streamKey, STREAMS } from '../random.js'
import { StepQueue } from '../schedule/step-queue.js'
import { checkSet } from './sets.js'

/** Nats an image, averaged over images. `−ELBO = reconstruction + kl`. */
export interface Loss {
  /** reconstruction + klWeight · kl, or reconstruction + quantization */
  total: number
  /** −Σ log p(x|z) */
  reconstruction: number
  /** KL(q(z|x) ‖ p(z)); 0 for a deterministic or vector-quantised latent */
  kl: number
  /** Σ |sg(z) − e|² + commitment · Σ |z − sg(e)|² of a vector-quantised model, whoever updates its codes. */
  quantization?: number
  /**
   * −log of the mean importance weight p(x|z) p(z) / q(z|x) of an image, averaged over images: an upper bound of
   * −log p(x) that tightens as samples are added (Burda et al. 2016). Only where importance samples were asked for.
   */
  importanceWeighted?: number
}

/** The loss with its parts weighted. The kernels leave the quantisation loss in the place of the KL. */
export function lossOf(
  { model }: ModelRuntime,
  { reconstruction, kl }: { reconstruction: number; kl: number },
  klWeight: number,
): Loss {
  if (model.latent.type === 'vector-quantized') {
    return { total: reconstruction + kl, reconstruction, kl: 0, quantization: kl }
  }
  return { total: reconstruction + klWeight * kl, reconstruction, kl }
}

const STEPS_PER_SUBMISSION = 4

/** The loss over a whole set, one draw of z an image. */
export async function evaluateSet(
  runtime: ModelRuntime,
  data: Dataset,
  options: { klWeight: number; seed: number; batchSize: number; binarize?: Augmentation['binarize'] },
): Promise<Loss> {
  checkSet(runtime, data, 'evaluate')
  const { klWeight, seed, batchSize, binarize } = options
  const batch = Math.min(batchSize, data.count)
  const set = runtime.set(data)
  const input = { type: 'set', count: data.count, chunks: set.chunks, binarize } as const
  return runtime.with({ batch, input, noise: 'drawn', output: 'losses' }, async (program) => {
    const { device, uniform } = runtime.context
    const order = identityOrder(device, data.count)
    runtime.bind(program, { ...set.storages, order })
    const queue = new StepQueue(device, uniform, program)
    const sums = { reconstruction: 0, kl: 0 }
    const key = streamKey(seed, STREAMS.EVALUATE)
    const pending: Promise<void>[] = []
    try {
      for (let first = 0; first < data.count; ) {
        await runtime.guard(queue.ready())
        runtime.check()
        const sizes: number[] = []
        const most = Math.min(STEPS_PER_SUBMISSION, queue.mostSteps(batch))
        for (; sizes.length < most && first < data.count; first += batch) {
          const size = Math.min(batch, data.count - first)
          const values = { batch: size, cursor: first, counter: first / batch, seed: key, scale: 1 / size }
          queue.add({ ...values, ...NO_UPDATE, klWeight })
          sizes.push(size)
        }
        const submission = queue.submit((losses) => {
          losses.forEach((mean, step) => {
            sums.reconstruction += mean.reconstruction * sizes[step]
            sums.kl += mean.kl * sizes[step]
          })
        })
        submission.catch(() => {}) // reported by the wait below
        pending.push(submission)
      }
      await runtime.guard(Promise.all(pending))
    } finally {
      queue.destroy()
      order.destroy()
    }
    return lossOf(runtime, { reconstruction: sums.reconstruction / data.count, kl: sums.kl / data.count }, klWeight)
  })
}

/** The images as they lie in the set. */
export function identityOrder(device: GPUDevice, count: number): GPUBuffer {
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
  const order = device.createBuffer({ label: 'order', size: 4 * count, usage })
  device.queue.writeBuffer(order, 0, Uint32Array.from({ length: count }, (_, i) => i))
  return order
}
