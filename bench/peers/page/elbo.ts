import { createEngine, dataset } from '../../../src/index.js'
import type { Model, Session, Trained, Window } from './contestant.js'

/** Images that training shuffles: the batches, repeated, so that an epoch is not over after a few steps. */
const SET_IMAGES = 4096

export async function open({ spec, optimizer, parameters, batches }: Model): Promise<Session> {
  const engine = await createEngine({ powerPreference: 'high-performance' })
  const vae = await engine.createVae(spec)
  await vae.setParameters(parameters)
  const batchSize = batches[0].images.shape[0]
  const set = trainingSet(spec.input, batches)

  /** Measures from the arrival of one submission's losses to that of another's. */
  const train = async ({ warmUpMs, windowMs, onBegin, onEnd }: Window): Promise<Trained> => {
    const start = performance.now()
    let from: { step: number; atMs: number } | undefined
    for await (const { step } of vae.train(set, { epochs: 1e6, batchSize, optimizer })) {
      const atMs = performance.now()
      if (from) {
        if (atMs - from.atMs < windowMs || step === from.step) continue
        onEnd?.()
        return { steps: step - from.step, elapsedMs: atMs - from.atMs }
      }
      if (atMs - start < warmUpMs) continue
      from = { step, atMs }
      onBegin?.()
    }
    throw new Error('elbo: training ended by itself')
  }

  return {
    isSoftware: engine.isSoftware,
    dispatchesPerStep: () => vae.plan.dispatches.length,
    step: async (batch) => (await vae.step(batches[batch], optimizer)).total,
    settle: async () => {
      await train({ warmUpMs: 500, windowMs: 0 })
      return 'never'
    },
    train,
    decode: async (latents) => {
      const labels = spec.classes && new Array<number>(latents.shape[0]).fill(0)
      return (await vae.decode(latents, { ...(labels && { labels }) })).data
    },
    close: () => engine.destroy(),
  }
}

function trainingSet(shape: Model['spec']['input'], batches: Model['batches']) {
  const pixels = shape[0] * shape[1] * shape[2]
  const images = new Uint8Array(SET_IMAGES * pixels)
  const labels: number[] = []
  for (let at = 0, i = 0; at < images.length; i++) {
    const { images: { data }, labels: classes } = batches[i % batches.length]
    const room = images.subarray(at, at + data.length)
    room.set(data.subarray(0, room.length).map((value) => Math.round(255 * value)))
    labels.push(...(classes ?? []).slice(0, room.length / pixels))
    at += room.length
  }
  return dataset({ images, shape, ...(labels.length > 0 && { labels: Uint8Array.from(labels) }) })
}
