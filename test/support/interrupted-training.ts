// Runs inside a page of its own: trains a model whose run is interrupted, and says what came of it.
import { adam, checkpointStore, createEngine, glyphs, presets, type VaeSpec } from '../../src/index.js'

/** What happens to a run. */
export type Interruption = 'gpu-process' | 'page' | 'device' | 'signal'

/** A run of so many steps, and where it is interrupted. */
export interface InterruptedRun {
  model: 'mlp' | 'conv'
  steps: number
  /** Undefined for a run to the end without any. */
  interruption?: { kind: Interruption; atStep: number }
}

/** What a run has come to. */
export interface Outcome {
  /** SHA-256 of the saved file. */
  hash: string
  step: number
  /** The step of the checkpoint that it went on from; 0 for one that began. */
  fromStep: number
  /** Events of another device, with the steps that each took back. */
  lostSteps: number[]
}

declare global {
  /** Given by the test: has the GPU process or the page ended. */
  var interrupt: (kind: Interruption) => Promise<void>
  var interruptedTraining: (run: InterruptedRun) => Promise<Outcome>
}

const EVERY_STEPS = 25

/** Two convolutions and their mirror, on images of 28 × 28. */
const SMALL_CONV: VaeSpec = {
  input: [28, 28, 1],
  encoder: [
    { type: 'conv', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
    { type: 'conv', filters: 8, kernel: 3, stride: 2, activation: 'relu' },
    { type: 'flatten' },
  ],
  latent: { type: 'gaussian', size: 4 },
  decoder: [
    { type: 'dense', units: 392, activation: 'relu' },
    { type: 'reshape', shape: [7, 7, 8] },
    { type: 'conv-transpose', filters: 4, kernel: 3, stride: 2, activation: 'relu' },
    { type: 'conv-transpose', filters: 1, kernel: 3, stride: 2 },
  ],
  likelihood: { type: 'bernoulli' },
}

globalThis.interruptedTraining = async ({ model, steps, interruption }) => {
  const store = checkpointStore('interrupted')
  const engine = await createEngine({ tuning: 'off' })
  try {
    const file = await store.load()
    const spec = model === 'mlp' ? presets.mlp : SMALL_CONV
    const vae = file ? await engine.load(file) : await engine.createVae(spec, { seed: 7 })
    const fromStep = vae.progress?.step ?? 0
    const abort = new AbortController()
    const data = glyphs({ count: 512, seed: 1 })
    const train = () => {
      const checkpoint = { everySteps: EVERY_STEPS, store }
      const left = steps - (vae.progress?.step ?? 0)
      return vae.train(data, { steps: left, batchSize: 32, optimizer: adam(), checkpoint, signal: abort.signal })
    }
    const lostSteps: number[] = []
    let done = false
    try {
      for await (const event of train()) {
        if (event.type === 'recovered') lostSteps.push(event.lostSteps!)
        else if (interruption && !done && event.step >= interruption.atStep) {
          done = true
          if (interruption.kind === 'device') engine.device.destroy()
          else if (interruption.kind === 'signal') abort.abort(new Error('interrupted'))
          else void interrupt(interruption.kind)
        }
      }
    } catch (error) {
      if (error !== abort.signal.reason) throw error
      await vae.train(data, { steps: steps - vae.progress!.step, batchSize: 32, optimizer: adam() }).done
    }
    const digest = await crypto.subtle.digest('SHA-256', await vae.save())
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    return { hash, step: vae.progress!.step, fromStep, lostSteps }
  } finally {
    engine.destroy()
  }
}
