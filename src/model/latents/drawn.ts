import { padTo4, type Dispatch, type PlanTensor } from '../../ops/dispatch.js'
import type { Value } from '../graph.js'
import type { Drawn, LatentFrame } from './latent.js'
import { VectorLatent } from './vector.js'

/** What a kernel that draws z reads and writes; `saved` is what its gradient needs beside them, of latents that need it. */
export type DrawTensors = Record<'head' | 'noise' | 'z' | 'losses' | 'status', PlanTensor> & { saved?: PlanTensor }

/** What its gradient reads and writes. */
export type DrawGradients = Record<'dz' | 'head' | 'noise' | 'z' | 'dhead', PlanTensor> & { saved?: PlanTensor }

/** A vector that is drawn around what the heads say: one dispatch forward, with the KL divergence, and one backward. */
export abstract class DrawnLatent extends VectorLatent {
  readonly isRandom = true
  readonly lossName = 'kl'

  /** z of every row, and its loss. */
  protected abstract forward(t: DrawTensors, frame: LatentFrame): Dispatch

  /** The gradient of the heads' output by z and by the loss. @param images rows of the heads */
  protected abstract backward(t: DrawGradients, frame: LatentFrame, images: number): Dispatch

  /** Values of noise per row of z. */
  get noiseWidth(): number {
    return this.size
  }

  /** Values per row of z that the forward kernel saves for the backward one. */
  protected get savedWidth(): number {
    return 0
  }

  draw(features: Value, frame: LatentFrame): Drawn {
    const { graph, losses, status, rows } = frame
    const head = this.heads.forward(features, graph)
    const noise = this.noise(frame)
    const z = graph.value('z', frame, padTo4(this.size))
    const saved = this.savedWidth ? graph.builder.activation('latent.saved', rows * this.savedWidth) : undefined
    const read = { head: head.tensor, noise, z: z.tensor, saved }
    graph.push(this.forward({ ...read, losses, status }, frame))
    graph.record({
      inputs: [head],
      outputs: [z],
      backward: (pass) => {
        const dz = pass.gradient(z)!
        pass.send(head, 'dhead', 'no', ({ dx: dhead }) => [this.backward({ ...read, dz, dhead }, frame, head.rows)])
      },
    })
    return { z, head }
  }

  /** Left by the kernel that draws it, or the host's, where zeros stand for the mean. */
  private noise({ graph, pins, rows, noise }: LatentFrame): PlanTensor {
    const elements = rows * padTo4(this.noiseWidth)
    return noise === 'drawn' ? graph.builder.activation('noise', elements) : pins.get('noise', elements)
  }
}
