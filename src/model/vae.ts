import { padRows, padTo4 } from '../ops/dispatch.js'
import type { ParameterArena } from './arena.js'
import type { Value } from './graph.js'
import type { LayeredLatent } from './latents/latent.js'
import { forwardAll, type Layer } from './layers/layer.js'
import type { Likelihood } from './likelihoods/likelihood.js'
import type { LossPart } from './loss-parts.js'
import type { Model } from './model.js'
import { planObjective } from './objectives/kinds.js'
import type { ParameterSpec } from './parameters.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'
import { sizeOf, type ImageShape } from './shapes.js'
import type { VaeSpec } from './spec.js'
import { StepPlan } from './step-plan.js'

/** Encoder, latent, decoder, likelihood, one after another. The decoder ends in an image of the input's shape. */
export class VaeModel implements Model {
  readonly klWeight: number
  readonly lossParts: readonly LossPart[]
  readonly classes?: number

  constructor(
    readonly spec: VaeSpec,
    readonly input: ImageShape,
    readonly encoder: readonly Layer[],
    readonly latent: LayeredLatent,
    readonly decoder: readonly Layer[],
    readonly likelihood: Likelihood,
  ) {
    this.klWeight = spec.klWeight ?? 1
    const { lossName } = latent
    this.lossParts = [
      { name: 'reconstruction', weight: 1 },
      { name: lossName, weight: lossName === 'kl' ? 'klWeight' : 1 },
    ]
    if (spec.classes) this.classes = spec.classes
  }

  parameters(): ParameterSpec[] {
    return [...this.encoder, this.latent, ...this.decoder, this.likelihood].flatMap((part) => part.parameters())
  }

  rowsPerImage({ importanceSamples = 1 }: Pick<PlanRequest, 'importanceSamples'>): number {
    return importanceSamples
  }

  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan {
    const { latent, likelihood, decoder } = this
    const { input, output, importanceSamples: samples = 1 } = request
    const B = padRows(sliceBatch(request))
    const plan = new StepPlan(this, request, arena, B)
    const { graph, pins } = plan
    const N = sizeOf(this.input)
    const rows = { rows: padRows(sliceBatch(request) * samples), samples }
    const { frame } = plan

    if (input.type === 'latents' || input.type === 'codes') {
      plan.begin('forward')
      const z = input.type === 'codes' ? latent.fromCodes!({ graph, pins }, B) : this.givenLatents(plan, B)
      pins.show('images', likelihood.images(forwardAll(decoder, z, frame), N, graph))
      return plan.build()
    }

    const x = plan.images()
    plan.begin('forward')
    const features = forwardAll(this.encoder, x, frame)
    if (output === 'posterior') {
      latent.posterior(features, { graph, pins })
      return plan.build()
    }
    if (request.freeBits) plan.needsWholeBatch('freeBits')
    const objective = planObjective(request, { B, ...rows, Z: sizeOf(latent.output), N }, graph)
    const lossesOf = () => plan.losses(objective.rowLosses !== undefined)
    const { z, head } = latent.draw(features, {
      ...plan.latentFrame(rows),
      losses: objective.rowLosses ?? lossesOf(),
      weights: objective.weights,
      kept: objective.kept,
    })
    const y = forwardAll(decoder, z, frame)
    if (output === 'images') {
      pins.show('images', likelihood.images(y, N, graph))
      return plan.build()
    }

    const losses = lossesOf()
    if (request.perPixel) {
      const pixels = pins.get('pixels', x.tensor.elements)
      likelihood.pixels(y, { x: x.tensor, pixels }, N, graph)
    }
    const tensors = { x: x.tensor, losses: objective.rowLosses ?? losses, status: plan.status }
    const ownGradient = likelihood.loss(y, tensors, N, plan.learns, graph)
    if (!plan.learns) return plan.build()
    plan.begin('backward')
    objective.finish?.({ losses, dy: y.tensor, head })
    ownGradient?.(objective.weights)
    graph.backward([{ value: y, gradient: y.tensor, factored: true }])
    plan.update()
    return plan.build()
  }

  private givenLatents({ pins }: StepPlan, rows: number): Value {
    const tensor = pins.get('z', rows * padTo4(sizeOf(this.latent.output)))
    return { tensor, rows, samples: 1, activation: 'linear' }
  }
}
