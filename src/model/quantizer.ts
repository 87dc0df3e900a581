import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import {
  codebookAverage,
  codebookBackward,
  codebookGather,
  codebookSum,
  quantizeBackward,
  quantizeForward,
  quantizeNearest,
  type QuantizeShape,
} from '../ops/quantize.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'
import type { LayerCompiler, Value } from './layers.js'
import type { ResolvedQuantizedLatent } from './resolve.js'

/** Where the quantiser's results go, and what for. */
interface QuantizeTarget {
  losses: PlanTensor
  status: PlanTensor
  /** Whether the codes are learned here: gradients alone, or a step that also counts their use. */
  learns: boolean
  updates: boolean
}

/** Turns a vector-quantised latent into dispatches. */
export class QuantizerCompiler {
  private readonly shape: QuantizeShape
  private z: PlanTensor | undefined
  private batch: { counts: PlanTensor; sums: PlanTensor } | undefined

  constructor(
    private readonly builder: PlanBuilder,
    private readonly layers: LayerCompiler,
    private readonly arena: ParameterArena,
    private readonly latent: ResolvedQuantizedLatent,
    B: number,
    /** `[B, P4(P)]` words. */
    private readonly codes: PlanTensor,
  ) {
    const { output, codes: K } = latent
    this.shape = { B, P: output.h * output.w, D: output.c, K }
  }

  /** The nearest code of every position of the encoder's image. */
  nearest(features: Value): PlanTensor {
    const z = this.layers.forward([this.latent.projection], features).tensor
    const { codebook } = this.arena.codebook()
    this.builder.push(quantizeNearest({ z, codebook, codes: this.codes }, this.shape))
    return z
  }

  /** The image of the codes, in `y`. */
  gather(y: PlanTensor): Value {
    const { codebook } = this.arena.codebook()
    this.builder.push(codebookGather({ codes: this.codes, codebook, y }, this.shape))
    return { tensor: y, activation: 'linear', needsGradient: true }
  }

  /** The image of the nearest codes and its loss; remembers the way back. */
  forward(features: Value, { losses, status, learns, updates }: QuantizeTarget): Value {
    const { builder, codes, shape, latent } = this
    const { codebook, dcodebook } = this.arena.codebook()
    const z = this.nearest(features)
    const y = builder.activation('quantized', z.elements)
    const usage = builder.storage('usage', 'usage', shape.K)
    const { commitment, codebookUpdate } = latent
    const tensors = { z, codes, codebook, y, losses, usage, status }
    builder.push(quantizeForward(tensors, shape, { commitment, count: updates }))
    if (!learns) return { tensor: y, activation: 'linear', needsGradient: true }
    this.layers.record((dy) => {
      const dz = builder.activation('dz', z.elements)
      builder.push(quantizeBackward({ dy, z, y, dz }, shape, commitment))
      if (codebookUpdate === 'gradient') builder.push(codebookBackward({ z, codes, codebook, dcodebook }, shape))
      else if (updates) this.sum(z)
      return dz
    })
    return { tensor: y, activation: 'linear', needsGradient: true }
  }

  /** Behind the optimiser's update: codes that are moving averages move on. */
  update(status: PlanTensor): void {
    if (!this.batch) return
    const { builder, shape, z } = this
    const { codebook } = this.arena.codebook()
    const K4 = padTo4(shape.K)
    const count = builder.storage('codebook.count', 'codebook.count', K4)
    const mean = builder.storage('codebook.mean', 'codebook.mean', K4 * padTo4(shape.D))
    builder.push(codebookAverage({ z: z!, ...this.batch, count, mean, codebook, status }, shape))
  }

  /** Pinned, for a batch in slices adds to them slice by slice. */
  private sum(z: PlanTensor): void {
    const { builder, shape, codes } = this
    const K4 = padTo4(shape.K)
    const counts = builder.pin(builder.activation('codebook.counts', K4))
    const sums = builder.pin(builder.activation('codebook.sums', K4 * padTo4(shape.D)))
    builder.push(codebookSum({ z, codes, counts, sums }, shape))
    this.z = z
    this.batch = { counts, sums }
  }
}
