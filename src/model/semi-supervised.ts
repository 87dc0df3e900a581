import { classLoss, softmaxForward } from '../ops/classes.js'
import { padRows } from '../ops/dispatch.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { ParameterArena } from './arena.js'
import { forwardEveryClass } from './layers/every-class.js'
import { forwardAll, type Layer } from './layers/layer.js'
import type { LossPart } from './loss-parts.js'
import type { Model } from './model.js'
import type { ParameterSpec } from './parameters.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'
import { sizeOf } from './shapes.js'
import { StepPlan } from './step-plan.js'
import type { VaeModel } from './vae.js'

/**
 * A conditional model whose labels may be unknown (M2, Kingma et al. 2014): a classifier beside it says how much each
 * class counts. One pass over all classes of every image; what needs no classifier is the conditional model's own.
 */
export class SemiSupervisedModel implements Model {
  readonly lossParts: readonly LossPart[]
  readonly hasClassifier = true
  readonly classes: number
  private readonly classifierWeight: number

  constructor(
    private readonly vae: VaeModel,
    private readonly classifier: readonly Layer[],
  ) {
    this.classes = vae.classes!
    this.classifierWeight = vae.spec.classifierWeight ?? 1
    this.lossParts = [
      ...vae.lossParts,
      { name: 'label', weight: 1 },
      { name: 'classification', weight: this.classifierWeight },
      { name: 'accuracy', weight: 0, over: 'known' },
      { name: 'known', weight: 0 },
    ]
  }

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

  parameters(): ParameterSpec[] {
    return [...this.vae.parameters(), ...this.classifier.flatMap((layer) => layer.parameters())]
  }

  rowsPerImage({ output }: Pick<PlanRequest, 'output'>): number {
    return isPlain(output) || output === 'classes' ? 1 : this.classes
  }

  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan {
    if (isPlain(request.output)) return this.vae.compile(request, arena)
    const { vae: { encoder, decoder, latent, likelihood }, classes: K } = this
    const B = padRows(sliceBatch(request))
    const N = sizeOf(this.input)
    const plan = new StepPlan(this, request, arena, B)
    const { graph, pins, frame, learns } = plan
    const x = plan.images()
    plan.begin('forward')
    const logits = forwardAll(this.classifier, x, frame)
    if (request.output === 'classes') {
      const y = graph.alike('probabilities', logits).tensor
      graph.push(softmaxForward({ x: logits.tensor, y }, { B, K }))
      pins.show('probabilities', y)
      return plan.build()
    }

    const rows = { rows: B * K, samples: K }
    const rowLosses = graph.builder.activation('row_losses', 2 * MOST_STEPS * B * K)
    const weights = graph.builder.activation('weights', B * K)
    const features = forwardEveryClass(encoder, x, frame)
    const { z } = latent.draw(features, {
      ...plan.latentFrame(rows),
      sampled: false,
      heads: K,
      losses: rowLosses,
      weights,
    })
    const y = forwardAll(decoder, z, { ...frame, everyClass: true })
    const ownGradient = likelihood.loss(y, { x: x.tensor, losses: rowLosses, status: plan.status }, N, learns, graph)
    const dlogits = graph.alike('dlogits', logits).tensor
    const tensors = { logits: logits.tensor, labels: frame.labels!(), rowLosses, weights, dy: y.tensor, dlogits }
    const { classifierWeight } = this
    graph.push(
      classLoss(
        { ...tensors, losses: plan.losses(false), status: plan.status },
        { B, K, N },
        { classifierWeight, gradient: learns },
      ),
    )
    if (request.perPixel) {
      likelihood.pixels(y, { x: x.tensor, weights, pixels: pins.get('pixels', x.tensor.elements) }, N, graph)
    }
    if (!learns) return plan.build()
    plan.begin('backward')
    ownGradient?.(weights)
    graph.backward([
      { value: y, gradient: y.tensor, factored: true },
      { value: logits, gradient: dlogits, factored: true },
    ])
    plan.update()
    return plan.build()
  }
}

/** Whether the request knows no classifier. */
function isPlain(output: PlanRequest['output']): boolean {
  return output === 'posterior' || output === 'images'
}
