import {
  adversarialBackward,
  adversarialBalance,
  adversarialLoss,
  HELD_DISCRIMINATOR,
  HELD_WORDS,
  imageStack,
  priorForward,
} from '../ops/adversarial.js'
import { padRows, padTo4, type PlanTensor } from '../ops/dispatch.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { ParameterArena } from './arena.js'
import type { Discriminator } from './discriminator.js'
import type { Value } from './graph.js'
import { forwardAll } from './layers/layer.js'
import type { LossPart } from './loss-parts.js'
import type { Model } from './model.js'
import type { ParameterSpec } from './parameters.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'
import { sizeOf } from './shapes.js'
import { StepPlan, type HeldPart } from './step-plan.js'
import type { VaeModel } from './vae.js'

const isOf = (...lists: string[]) => (name: string) => lists.some((list) => name.startsWith(`${list}.`))
const ENCODER = isOf('encoder', 'latent')
const DECODER = isOf('decoder')
const DISCRIMINATOR = isOf('discriminator')

/**
 * A VAE that compares images by what a layer of a discriminator makes of them (Larsen et al. 2016): three objectives
 * over one forward pass. The decoder takes z and draws of the prior as one stack of two batches, the discriminator what
 * is decoded and the data as one of three: x̃, x_p, x.
 *
 * Encoder and decoder part at the images: their two objectives are weighted sums of the same two gradients by these,
 * which the discriminator's backward passes leave. So it is gone through once by the adversarial term, which its own
 * parameters need anyway, and once by the comparison, from the compared layer down and for x̃ alone.
 */
export class VaeGanModel implements Model {
  readonly batches = 3
  readonly lossParts: readonly LossPart[] = [
    { name: 'reconstruction', weight: 1 },
    { name: 'kl', weight: 'klWeight' },
    { name: 'adversarial', weight: 0 },
    { name: 'real', weight: 0 },
    { name: 'reconstructed', weight: 0 },
    { name: 'sampled', weight: 0 },
  ]

  constructor(
    private readonly vae: VaeModel,
    readonly discriminator: Discriminator,
  ) {}

  get spec() {
    return this.vae.spec
  }

  get input() {
    return this.vae.input
  }

  get latent() {
    return this.vae.latent
  }

  get likelihood() {
    return this.vae.likelihood
  }

  get klWeight() {
    return this.vae.klWeight
  }

  get classes() {
    return this.vae.classes
  }

  parameters(): ParameterSpec[] {
    const { compared, others } = this.discriminator
    return [...this.vae.parameters(), ...[...compared, ...others].flatMap((layer) => layer.parameters())]
  }

  rowsPerImage(): number {
    return 1
  }

  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan {
    if (!judges(request)) return this.vae.compile(request, arena)
    const { vae, discriminator, input, latent, likelihood } = this
    const { mean } = likelihood
    const B = padRows(sliceBatch(request))
    const N = sizeOf(input)
    const plan = new StepPlan(this, request, arena, B, [2, 0, 1]) // running statistics move by x, x̃, x_p
    const { graph, frame, status } = plan
    const x = plan.images()
    plan.begin('forward')
    const rowLosses = graph.builder.activation('row_losses', 2 * MOST_STEPS * B)
    const { z } = latent.draw(forwardAll(vae.encoder, x, frame), {
      ...plan.latentFrame({ rows: B, samples: 1 }),
      losses: rowLosses,
    })
    const y = forwardAll(vae.decoder, this.withPrior(z, plan, request), frame)
    const stack = { rows: 3 * B, samples: 1, batches: 3 }
    const images = graph.value('images.stack', stack, padTo4(N))
    graph.push(imageStack({ y: y.tensor, x: x.tensor, s: images.tensor }, { B, N }, mean))
    const features = forwardAll(discriminator.compared, images, frame)
    const logits = forwardAll(discriminator.others, features, frame)

    const F = discriminator.features
    const dfeatures = graph.builder.activation('features.dy', B * padTo4(F))
    const dlogits = graph.builder.activation('logits.dy', 3 * B * 4)
    const read = { features: features.tensor, logits: logits.tensor, ...(latent.isRandom && { rowLosses }) }
    const written = { losses: plan.losses(false), dfeatures, dlogits, status }
    graph.push(adversarialLoss({ ...read, ...written }, { B, F }, features.activation, plan.learns))
    if (!plan.learns) return plan.build()

    plan.begin('backward')
    const dsAdversarial = graph.backward([{ value: logits, gradient: dlogits }], { wants: DISCRIMINATOR, by: images })!
    const similarity = { value: features, gradient: dfeatures, factored: true }
    const dsSimilarity = graph.backward([similarity], { wants: () => false, by: images, batches: 1 })!
    const ddecoder = graph.builder.activation('decoder.dy', y.tensor.elements)
    const dencoder = graph.builder.activation('encoder.dy', y.tensor.elements / 2)
    const gradients = { y: y.tensor, dsSimilarity, dsAdversarial, ddecoder, dencoder }
    const of = { mean, weight: discriminator.weight, activation: y.activation }
    graph.push(adversarialBackward(gradients, { B, N }, of))
    graph.backward([{ value: y, gradient: ddecoder, factored: true }], { wants: DECODER })
    graph.backward([{ value: y, gradient: dencoder, factored: true }], { wants: ENCODER, batches: 1 })
    plan.update(request.balance && (() => this.held(logits.tensor, plan, request, B)))
    return plan.build()
  }

  /** z and behind it as many draws of the prior. */
  private withPrior(z: Value, { graph, pins }: StepPlan, { prior }: PlanRequest): Value {
    const { latent } = this
    const shape = { B: z.rows, Z: sizeOf(latent.output), sphere: latent.isOnSphere }
    const both = graph.value('z.prior', { rows: 2 * z.rows, samples: 1, batches: 2 }, padTo4(shape.Z))
    const given = prior === 'given' ? pins.get('prior', z.tensor.elements) : undefined
    graph.push(priorForward({ z: z.tensor, prior: given, y: both.tensor }, shape))
    graph.record({
      inputs: [z],
      outputs: [both],
      backward: (pass) => pass.passOn(z, pass.gradient(both)!), // only the encoder's objective, of z alone, leads here
    })
    return both
  }

  /** The parts of an update that waits for decoder or discriminator. */
  private held(logits: PlanTensor, plan: StepPlan, { balance }: PlanRequest, B: number): HeldPart[] {
    const { graph: { builder }, status } = plan
    plan.needsWholeBatch('balance')
    const held = builder.activation('held', HELD_WORDS)
    builder.push(adversarialBalance({ logits, status, held }, { B }, balance!))
    return [
      { of: ENCODER, status },
      { of: DECODER, status: builder.part(held, 'held.decoder', 1, 0) },
      { of: DISCRIMINATOR, status: builder.part(held, 'held.discriminator', 1, HELD_DISCRIMINATOR) },
    ]
  }
}

/** Whether the discriminator has a say: it has none in what is encoded or decoded. */
function judges({ input, output }: PlanRequest): boolean {
  return input.type !== 'latents' && input.type !== 'codes' && output !== 'posterior' && output !== 'images'
}
