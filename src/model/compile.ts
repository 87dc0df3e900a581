import { labelGather } from '../ops/condition.js'
import { batchGather, type Augmentation } from '../ops/gather.js'
import { padRows, padTo4, type PlanTensor } from '../ops/dispatch.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../ops/dense.js'
import { headWidth } from '../ops/latent.js'
import { gradientAccumulate, gradientNorm, NORM_PARTIALS, optimizerUpdate, type Optimizer, type UpdateTensors } from '../ops/update.js'
import { PlanBuilder, type Plan } from '../schedule/plan.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { ParameterArena } from './arena.js'
import { GaussianCompiler, type Objective } from './gaussian.js'
import { LayerCompiler, type Value } from './layers.js'
import { LikelihoodCompiler } from './likelihood.js'
import { QuantizerCompiler } from './quantizer.js'
import type { ResolvedModel } from './resolve.js'
import { sizeOf } from './shapes.js'

/** Images `first` to `first + count − 1` of a data set, in one buffer. */
export interface SetChunk {
  first: number
  count: number
}

/** A data set on the GPU, of `count` images. */
export interface SetInput extends Augmentation {
  type: 'set'
  count: number
  chunks: SetChunk[]
}

/** What a plan is compiled for; what is as it is unless given is left out. */
export interface PlanRequest extends Objective {
  /** Images a step. */
  batch: number
  /** In how many slices the batch runs, their gradients added up; 1 unless given. */
  slices?: number
  /** Where the input comes from: a data set on the GPU, or the caller. */
  input: SetInput | { type: 'images' } | { type: 'latents' } | { type: 'codes' }
  /** Whether ε is drawn on the GPU or handed in; without meaning where nothing is sampled. */
  noise: 'drawn' | 'given'
  /** Which result: the heads' output, images, losses alone, losses and gradients, or a whole training step. */
  output: 'posterior' | 'images' | 'losses' | 'gradients' | { update: Optimizer }
  /** Losses with the sample's log q(z|x) − log p(z) in place of the KL divergence. */
  sampled?: boolean
}

/** A plan with the tensors that the host writes or reads. */
export interface CompiledPlan {
  plan: Plan
  /** `[B, P4(pixels)]` images that go in (not with input `latents`). */
  x?: PlanTensor
  /** `[B]` class indices as words, of a conditional model. */
  labels?: PlanTensor
  /** `[B · samples, P4(Z)]` ε, image by image, written by the host where the noise is given. */
  noise?: PlanTensor
  /** `[B, P4(Z)]` latents; with input `latents` the host writes them. */
  z?: PlanTensor
  /** `[B, P4(P)]` words, of a vector-quantised model; with input `codes` the host writes them. */
  codes?: PlanTensor
  /** `[B, headWidth(Z)]` mean and log-variance, for a deterministic latent `[B, P4(Z)]`. */
  head?: PlanTensor
  /** `[B, P4(pixels)]` images that come out. */
  images?: PlanTensor
  /**
   * `[slots, 2, B]` reconstruction loss and KL, or quantisation loss, of every image; `[slots, 3, B]`, the third its share of
   * the objective, where that is not the weighted sum of the others.
   */
  losses?: PlanTensor
  /** The arena that holds the batch's gradients in the end. */
  gradients?: PlanTensor
  /** One word, non-zero once a loss or gradient was not finite. */
  status?: PlanTensor
}

/** Images of a slice: all slices but the last have so many. */
export function sliceBatch({ batch, slices = 1 }: PlanRequest): number {
  return slices === 1 ? batch : padRows(Math.ceil(batch / slices))
}

/** Compiles a model into the list of dispatches that answers the request. Pure: no GPU object. */
export function compilePlan(model: ResolvedModel, arena: ParameterArena, request: PlanRequest): CompiledPlan {
  return new ModelCompiler(model, arena, request).compile()
}

class ModelCompiler {
  private readonly builder = new PlanBuilder()
  private readonly encoder: LayerCompiler
  private readonly decoder: LayerCompiler
  private readonly likelihood: LikelihoodCompiler
  private readonly gaussian: GaussianCompiler
  private readonly quantizer: QuantizerCompiler | undefined
  /** Rows of the encoder, an image each, and of the decoder, a sample each. */
  private readonly B: number
  private readonly D: number
  private readonly N: number
  private readonly Z: number
  private readonly learns: boolean
  private readonly tensors: Omit<CompiledPlan, 'plan'> = {}

  constructor(
    private readonly model: ResolvedModel,
    private readonly arena: ParameterArena,
    private readonly request: PlanRequest,
  ) {
    const { builder } = this
    const { importanceSamples: samples = 1, freeBits } = request
    const B = padRows(sliceBatch(request))
    const D = padRows(sliceBatch(request) * samples)
    const N = sizeOf(model.input)
    const Z = sizeOf(model.latent.output)
    const labels = () => this.pinned('labels', 1)
    this.encoder = new LayerCompiler(builder, arena, B, 1, labels)
    this.decoder = new LayerCompiler(builder, arena, D, samples, labels)
    this.gaussian = new GaussianCompiler(builder, this.encoder, { B, D, Z, samples }, freeBits)
    this.likelihood = new LikelihoodCompiler(builder, arena, model.likelihood, { B: D, N, samples })
    this.B = B
    this.D = D
    this.N = N
    this.Z = Z
    this.quantizer = this.quantizerOf(model)
    this.learns = typeof request.output === 'object' || request.output === 'gradients'
  }

  compile(): CompiledPlan {
    const { output, input } = this.request
    let latent: Value
    if (input.type === 'latents') {
      this.builder.begin('forward')
      latent = { tensor: this.pinned('z', padTo4(this.Z)), activation: 'linear', needsGradient: true }
    } else if (input.type === 'codes') {
      this.builder.begin('forward')
      latent = this.quantizer!.gather(this.pinned('z', padTo4(this.Z)))
    } else {
      const image = this.inputImages()
      this.builder.begin('forward')
      const features = this.encoder.forward(this.model.encoder, image)
      if (output === 'posterior') {
        this.posterior(features)
        return this.finish()
      }
      latent = this.sampleLatent(features)
    }
    const decoded = this.decoder.forward(this.model.decoder, latent)
    if (output === 'images') this.likelihood.images(decoded, this.pinned('images', padTo4(this.N)))
    else this.lossAndGradients(decoded)
    return this.finish()
  }

  private quantizerOf({ latent }: ResolvedModel): QuantizerCompiler | undefined {
    if (latent.type !== 'vector-quantized') return undefined
    const codes = this.pinned('codes', padTo4(latent.output.h * latent.output.w))
    return new QuantizerCompiler(this.builder, this.encoder, this.arena, latent, this.B, codes)
  }

  private finish(): CompiledPlan {
    return { plan: this.builder.build(), ...this.tensors }
  }

  /** An activation that the host reads or writes, one row an image. */
  private pinned(name: Exclude<keyof CompiledPlan, 'plan'>, width: number, rows = this.B): PlanTensor {
    return (this.tensors[name] ??= this.builder.pin(this.builder.activation(name, rows * width)))
  }

  private inputImages(): Value {
    const { B, N } = this
    const { h: H, w: W, c: C } = this.model.input
    const { input } = this.request
    const x = this.pinned('x', padTo4(N))
    if (input.type === 'set') {
      this.builder.begin('gather')
      const order = this.builder.storage('order', 'order', input.count)
      input.chunks.forEach(({ first, count }, i) => {
        const images = this.builder.storage(`images.${i}`, 'images', (count * padTo4(N)) / 4)
        this.builder.push(batchGather({ images, order, x }, { B, H, W, C, first, count }, input))
      })
      if (this.model.classes) {
        const labels = this.builder.storage('labels', 'labels', Math.ceil(input.count / 4))
        this.builder.push(labelGather({ labels, order, y: this.pinned('labels', 1) }, { B }))
      }
    }
    return { tensor: x, activation: 'linear', needsGradient: false }
  }

  /** The heads' output, or the codes and their image. */
  private posterior(features: Value): void {
    if (!this.quantizer) {
      this.head(features)
      return
    }
    this.quantizer.nearest(features)
    this.quantizer.gather(this.pinned('z', padTo4(this.Z)))
  }

  /** Mean and log-variance as one product of stacked weights. */
  private head(features: Value): PlanTensor {
    const { B } = this
    const I = sizeOf(this.model.latent.input)
    const O = this.headOutputs
    const head = this.pinned('head', padTo4(O))
    const { w, b } = this.arena.heads()
    this.builder.push(denseForward({ x: features.tensor, w, b, y: head }, { B, I, O }, 'linear'))
    this.encoder.record((dy) => {
      const { dw, db } = this.arena.headGradients()
      if (!features.needsGradient) {
        this.builder.push(denseBackwardWeight({ dy, x: features.tensor, dw, db }, { B, I, O }))
        return undefined
      }
      const dx = this.builder.activation('latent.dx', features.tensor.elements)
      const tensors = { dy, x: features.tensor, w, dx, dw, db }
      this.builder.push(denseBackward(tensors, { B, I, O }, features.activation))
      return dx
    })
    return head
  }

  private get headOutputs(): number {
    return this.model.latent.type === 'gaussian' ? headWidth(this.Z) : this.Z
  }

  private sampleLatent(features: Value): Value {
    const { D, Z, learns } = this
    if (this.quantizer) {
      const updates = typeof this.request.output === 'object'
      return this.quantizer.forward(features, { losses: this.losses, status: this.status, learns, updates })
    }
    const head = this.head(features)
    if (this.model.latent.type === 'deterministic') return { tensor: head, activation: 'linear', needsGradient: true }
    const noise = this.pinned('noise', padTo4(Z), D)
    const tensors = { noise, losses: this.rowLosses, status: this.status }
    const { noise: source, sampled } = this.request
    return this.gaussian.forward(head, tensors, { draw: source === 'drawn', sampled })
  }

  private lossAndGradients(output: Value): void {
    const { request, gaussian } = this
    const tensors = { x: this.tensors.x!, losses: this.rowLosses, status: this.status }
    this.likelihood.loss(output, tensors, this.learns)
    if (!this.learns) return
    this.builder.begin('backward')
    gaussian.objective(this.losses, output.tensor, this.N)
    this.likelihood.backward(gaussian.weights)
    const dz = this.decoder.backward(output.tensor)
    if (dz) this.encoder.backward(dz)
    const arenas = this.arena.updateTensors()
    this.tensors.gradients = arenas.gradients
    if ((request.slices ?? 1) > 1) {
      const sum = { ...arenas.gradients, name: 'gradient_sum', storage: 'gradient_sum' }
      this.builder.push(gradientAccumulate({ gradients: arenas.gradients, sum }))
      this.tensors.gradients = sum
    }
    if (typeof request.output !== 'object') return
    this.builder.begin('update')
    this.update({ ...arenas, gradients: this.tensors.gradients, status: this.status }, request.output.update)
    this.quantizer?.update(this.status)
  }

  private update(tensors: UpdateTensors, optimizer: Optimizer): void {
    const { gradients, status } = tensors
    const partials = this.builder.activation('gradient.norm', NORM_PARTIALS)
    this.builder.push(gradientNorm({ gradients, partials, status }))
    this.builder.push(optimizerUpdate({ ...tensors, norms: optimizer.clipNorm ? partials : undefined }, optimizer))
  }

  private get losses(): PlanTensor {
    return this.pinned('losses', (this.gaussian.rowLosses ? 3 : 2) * MOST_STEPS)
  }

  /** The losses of every decoder row: those of the images, unless their objective is made of them. */
  private get rowLosses(): PlanTensor {
    return this.gaussian.rowLosses ?? this.losses
  }

  private get status(): PlanTensor {
    return this.pinned('status', 1, 1)
  }
}
