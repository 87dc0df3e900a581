import { padRows, type PlanTensor } from '../ops/dispatch.js'
import { permuteForward } from '../ops/elementwise.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { ParameterArena } from './arena.js'
import type { Value } from './graph.js'
import type { Likelihood } from './likelihoods/likelihood.js'
import type { Model } from './model.js'
import type { ParameterSpec } from './parameters.js'
import type { StepsLatent } from './recurrent/latent.js'
import type { Lstm } from './recurrent/lstm.js'
import type { Brush } from './recurrent/strokes.js'
import { Unrolled } from './recurrent/unrolled.js'
import { sliceBatch, type CompiledPlan, type PlanRequest } from './request.js'
import { sizeOf, type ImageShape } from './shapes.js'
import type { VaeSpec } from './spec.js'
import { StepPlan } from './step-plan.js'

/**
 * DRAW (Gregor et al. 2015): in every step the encoder reads the image and what the canvas still lacks of it, z is
 * drawn, and the decoder writes on the canvas, which in the end is the output. All steps lie in one plan, with one set
 * of weights; seven dispatches a step forward and seven back.
 */
export class DrawModel implements Model {
  readonly klWeight: number
  readonly lossParts = [
    { name: 'reconstruction', weight: 1 },
    { name: 'kl', weight: 'klWeight' },
  ] as const

  constructor(
    readonly spec: VaeSpec,
    readonly input: ImageShape,
    readonly encoder: Lstm,
    readonly latent: StepsLatent,
    readonly decoder: Lstm,
    readonly brush: Brush,
    readonly likelihood: Likelihood,
  ) {
    this.klWeight = spec.klWeight ?? 1
  }

  parameters(): ParameterSpec[] {
    const { encoder, latent, decoder, brush, likelihood } = this
    return [encoder, latent, decoder, brush, likelihood].flatMap((part) => part.parameters())
  }

  rowsPerImage(): number {
    return this.latent.steps
  }

  compile(request: PlanRequest, arena: ParameterArena): CompiledPlan {
    const { likelihood, latent } = this
    const { steps } = latent
    const B = padRows(sliceBatch(request))
    const plan = new StepPlan(this, request, arena, B)
    const { graph, pins, status } = plan
    const unrolled = new Unrolled(graph.builder, arena, steps, B)
    const decodes = request.input.type === 'latents'
    const images = decodes ? undefined : plan.images(unrolled.rows)
    plan.begin('forward')
    const x = images && this.planar(images.tensor, unrolled)
    const encoder = this.encoder.unroll(unrolled)
    const decoder = this.decoder.unroll(unrolled)
    const draws = latent.unroll(unrolled, encoder, decoder)
    const strokes = this.brush.unroll({ unrolled, encoder, decoder, x, images: B })
    const N = sizeOf(this.input)
    const hasLosses = request.output !== 'posterior' && request.output !== 'images'
    const losses = hasLosses ? plan.losses(false) : graph.builder.activation('losses', 2 * MOST_STEPS * B)
    const frame = { request, pins, status, losses, lossRows: B }

    const canvases: PlanTensor[] = []
    for (let t = 0; t < steps; t++) {
      if (!decodes) {
        strokes.read(t)
        encoder.forward(t)
      }
      draws.forward(t, frame)
      decoder.forward(t)
      strokes.write(t)
      if (decodes) canvases.push(strokes.canvas(t))
    }
    if (request.output === 'posterior') {
      pins.show('head', draws.head.whole)
      return plan.build()
    }
    const last = canvases.at(-1) ?? strokes.canvas(steps - 1)
    if (request.output === 'images') {
      const output = request.everyStep ? this.gallery(canvases, unrolled) : this.interleaved(last, B, unrolled)
      pins.show('images', likelihood.images(output, N, graph))
      return plan.build()
    }

    const output = this.interleaved(last, B, unrolled)
    if (request.perPixel) {
      const pixels = pins.get('pixels', images!.tensor.elements)
      likelihood.pixels(output, { x: images!.tensor, pixels }, N, graph)
    }
    const ownGradient = likelihood.loss(output, { x: images!.tensor, losses, status }, N, plan.learns, graph)
    if (!plan.learns) return plan.build()
    plan.begin('backward')
    ownGradient?.()
    const dcanvas = this.planar(output.tensor, unrolled)
    for (let t = steps - 1; t >= 0; t--) {
      const reads = t > 0 || strokes.learnsToRead
      strokes.writeBackward(t, dcanvas)
      decoder.backward(t)
      draws.backward(t)
      encoder.backward(t, { inputs: reads })
      if (reads) strokes.readBackward(t, dcanvas)
    }
    for (const part of [encoder, draws, decoder, strokes]) part.finish()
    plan.update()
    return plan.build()
  }

  /** Images with their values in the order (channel, row, column), in which they are read and drawn. */
  private planar(x: PlanTensor, { builder, rows }: Unrolled): PlanTensor {
    const { c } = this.input
    if (c === 1) return x
    const y = builder.activation('planar', x.elements)
    builder.push(permuteForward({ x, y }, { B: rows, N: sizeOf(this.input), from: c, to: 1 }))
    return y
  }

  /** A canvas as images lie, whose first rows are those of the batch. */
  private interleaved(canvas: PlanTensor, images: number, { builder, rows }: Unrolled): Value {
    const { c } = this.input
    const value = (tensor: PlanTensor): Value => ({ tensor, rows: images, samples: 1, activation: 'linear' })
    if (c === 1) return value(canvas)
    const y = builder.activation('canvas', canvas.elements)
    builder.push(permuteForward({ x: canvas, y }, { B: rows, N: sizeOf(this.input), from: 1, to: c }))
    return value(y)
  }

  /** The canvases of all steps behind one another, as images lie. */
  private gallery(canvases: readonly PlanTensor[], unrolled: Unrolled): Value {
    const { rows, steps, builder } = unrolled
    const N = sizeOf(this.input)
    const tape = unrolled.tape('canvases', N)
    canvases.forEach((x, t) => {
      builder.push(permuteForward({ x, y: tape.at(t) }, { B: rows, N, from: 1, to: this.input.c }))
    })
    return { tensor: tape.whole, rows: steps * rows, samples: 1, activation: 'linear' }
  }
}
