import { labelGather } from '../ops/condition.js'
import { batchGather, type Augmentation } from '../ops/gather.js'
import { padRows, padTo4, type PlanTensor } from '../ops/dispatch.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../ops/dense.js'
import { headWidth, reparameterizeBackward, reparameterizeForward } from '../ops/latent.js'
import {
  bceLoss,
  continuousBernoulliLoss,
  continuousBernoulliMean,
  gaussianLoss,
  gaussianMean,
  rowReduce,
  sigmoidForward,
} from '../ops/likelihood.js'
import { gradientAccumulate, gradientNorm, NORM_PARTIALS, optimizerUpdate, type Optimizer, type UpdateTensors } from '../ops/update.js'
import { PlanBuilder, type Plan } from '../schedule/plan.js'
import { MOST_STEPS } from '../schedule/step.js'
import { LayerCompiler, type Value } from './layers.js'
import type { ParameterArena } from './arena.js'
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

/** What a plan is compiled for. */
export interface PlanRequest {
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
  /** `[B, P4(Z)]` ε, written by the host where the noise is given. */
  noise?: PlanTensor
  /** `[B, P4(Z)]` latents; with input `latents` the host writes them. */
  z?: PlanTensor
  /** `[B, P4(P)]` words, of a vector-quantised model; with input `codes` the host writes them. */
  codes?: PlanTensor
  /** `[B, headWidth(Z)]` mean and log-variance, for a deterministic latent `[B, P4(Z)]`. */
  head?: PlanTensor
  /** `[B, P4(pixels)]` images that come out. */
  images?: PlanTensor
  /** `[slots, 2, B]` reconstruction loss and KL, or quantisation loss, of every image. */
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
  private readonly layers: LayerCompiler
  private readonly B: number
  private readonly N: number
  private readonly Z: number
  private readonly learns: boolean
  private readonly quantizer: QuantizerCompiler | undefined
  private readonly tensors: Omit<CompiledPlan, 'plan'> = {}

  constructor(
    private readonly model: ResolvedModel,
    private readonly arena: ParameterArena,
    private readonly request: PlanRequest,
  ) {
    this.B = padRows(sliceBatch(request))
    this.N = sizeOf(model.input)
    this.Z = sizeOf(model.latent.output)
    this.layers = new LayerCompiler(this.builder, arena, this.B, () => this.pinned('labels', 1))
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
      const features = this.layers.forward(this.model.encoder, image)
      if (output === 'posterior') {
        this.posterior(features)
        return this.finish()
      }
      latent = this.sampleLatent(features)
    }
    const decoded = this.layers.forward(this.model.decoder, latent)
    if (output === 'images') this.outputImages(decoded)
    else this.lossAndGradients(decoded)
    return this.finish()
  }

  private quantizerOf({ latent }: ResolvedModel): QuantizerCompiler | undefined {
    if (latent.type !== 'vector-quantized') return undefined
    const codes = this.pinned('codes', padTo4(latent.output.h * latent.output.w))
    return new QuantizerCompiler(this.builder, this.layers, this.arena, latent, this.B, codes)
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
    this.layers.record((dy) => {
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
    const { B, Z, learns } = this
    if (this.quantizer) {
      const updates = typeof this.request.output === 'object'
      return this.quantizer.forward(features, { losses: this.losses, status: this.status, learns, updates })
    }
    const head = this.head(features)
    if (this.model.latent.type === 'deterministic') return { tensor: head, activation: 'linear', needsGradient: true }
    const noise = this.pinned('noise', padTo4(Z))
    const z = this.builder.activation('z', B * padTo4(Z))
    const tensors = { head, noise, z, losses: this.losses, status: this.status }
    const { noise: source, sampled } = this.request
    this.builder.push(reparameterizeForward(tensors, { B, Z }, source === 'drawn', sampled))
    this.layers.record((dz) => {
      const dhead = this.builder.activation('dhead', B * headWidth(Z))
      this.builder.push(reparameterizeBackward({ dz, head, noise, dhead }, { B, Z }))
      return dhead
    })
    return { tensor: z, activation: 'linear', needsGradient: true }
  }

  private outputImages(output: Value): void {
    const { B, N } = this
    const images = this.pinned('images', padTo4(N))
    this.builder.push(MEANS[this.model.likelihood.type]({ x: output.tensor, y: images }, { B, N }))
  }

  private lossAndGradients(output: Value): void {
    const { request } = this
    const likelihoodGradient = this.likelihood(output)
    if (!this.learns) return
    this.builder.begin('backward')
    likelihoodGradient?.()
    this.layers.backward(output.tensor)
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

  /** The loss and its gradient in place of the decoder's output. @returns what pushes the likelihood's own gradient. */
  private likelihood({ tensor, activation }: Value): (() => void) | undefined {
    const { B, N, learns } = this
    const { likelihood } = this.model
    const common = { x: this.tensors.x!, losses: this.losses, status: this.status }
    if (likelihood.type !== 'gaussian') {
      const loss = likelihood.type === 'bernoulli' ? bceLoss : continuousBernoulliLoss
      this.builder.push(loss({ logits: tensor, ...common }, { B, N }, activation, learns))
      return undefined
    }
    const { variance } = likelihood
    const dlogvRows = this.builder.activation('likelihood.dlogv', B)
    const logVariance = variance === 'learned' ? this.arena.likelihood().logVariance : Math.log(variance)
    this.builder.push(gaussianLoss({ means: tensor, dlogvRows, ...common }, { B, N }, logVariance, activation, learns))
    if (variance !== 'learned') return undefined
    return () => this.builder.push(rowReduce({ x: dlogvRows, y: this.arena.likelihood().dlogVariance }, { B }))
  }

  private get losses(): PlanTensor {
    return this.pinned('losses', 2 * MOST_STEPS)
  }

  private get status(): PlanTensor {
    return this.pinned('status', 1, 1)
  }
}

const MEANS = {
  bernoulli: sigmoidForward,
  'continuous-bernoulli': continuousBernoulliMean,
  gaussian: gaussianMean,
} as const
