import type { Dataset } from '../data/dataset.js'
import { BufferUsage } from '../device/flags.js'
import type { Network } from '../model/network.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { Augmentation } from '../ops/gather.js'
import { NO_UPDATE } from '../ops/update.js'
import { streamKey, type Stream } from '../random.js'
import { StepQueue } from '../schedule/step-queue.js'

const STEPS_PER_SUBMISSION = 4

/** What to draw on the way through a set. */
export interface SetDraws {
  seed: number
  stream: Stream
  batchSize: number
  /** Draws of z per image, one batch's one after another. */
  draws: number
  /** The sample's log q(z|x) − log p(z) in place of the KL divergence. */
  sampled: boolean
  binarize?: Augmentation['binarize']
}

/** The losses in nats of images `first` and following of a set, by part. */
export type VisitLosses = (first: number, losses: Readonly<Record<string, Float32Array>>) => void

/** Calls `visit` with the losses of all images of a set, a run of them at a time, as often as z is drawn. */
export async function setLosses(
  runtime: ModelRuntime<Network>,
  data: Dataset,
  { seed, stream, batchSize, draws, sampled, binarize }: SetDraws,
  visit: VisitLosses,
): Promise<void> {
  const batch = Math.min(batchSize, data.count)
  const set = runtime.set(data)
  const input = { type: 'set', count: data.count, chunks: set.chunks, floats: set.floats, binarize } as const
  const request = { batch, input, noise: 'drawn', output: 'losses', ...(sampled && { sampled }) } as const
  const losses = runtime.with(request, async (program) => {
    const { device, uniform } = runtime.context
    const order = identityOrder(runtime, data.count)
    const key = streamKey(seed, stream)
    const steps = Math.ceil(data.count / batch) * draws
    const pending: Promise<void>[] = []
    let queue: StepQueue | undefined
    try {
      runtime.bind(program, { ...set.storages, order })
      queue = new StepQueue(device, uniform, program)
      const most = Math.min(STEPS_PER_SUBMISSION, queue.mostSteps(batch))
      for (let step = 0; step < steps; ) {
        await runtime.guard(queue.ready())
        runtime.check()
        const slices: { first: number; size: number }[] = []
        for (const end = Math.min(step + most, steps); step < end; step++) {
          const counter = Math.floor(step / draws)
          const cursor = counter * batch
          const size = Math.min(batch, data.count - cursor)
          const noiseRows = (step % draws) * batch
          queue.add({ ...NO_UPDATE, batch: size, cursor, counter, seed: key, scale: 1 / size, klWeight: 1, noiseRows })
          for (let row = 0; row < size; row += program.batch) {
            slices.push({ first: cursor + row, size: Math.min(program.batch, size - row) })
          }
        }
        const submission = queue.submit((_, __, ring) => {
          slices.forEach(({ first, size }, slot) => {
            const parts = program.lossNames.map((name, part): [string, Float32Array] => {
              const at = (slot * program.lossNames.length + part) * program.rows
              return [name, ring.subarray(at, at + size)]
            })
            visit(first, Object.fromEntries(parts))
          })
        })
        submission.catch(() => {}) // reported by the wait below
        pending.push(submission)
      }
      await runtime.guard(Promise.all(pending))
    } finally {
      queue?.destroy()
      order.destroy()
    }
  })
  return losses.finally(() => set.release())
}

/** The images as they lie in the set. */
function identityOrder(runtime: ModelRuntime<Network>, count: number): GPUBuffer {
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST
  const order = runtime.allocate({ label: 'order', size: 4 * count, usage })
  runtime.writeBuffer(order, 0, Uint32Array.from({ length: count }, (_, i) => i))
  return order
}
