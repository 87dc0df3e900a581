import type { Activation } from '../ops/activation.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../ops/dense.js'
import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'
import type { ResolvedDense, ResolvedLayer } from './resolve.js'

/** What one layer hands to the next. */
export interface Value {
  tensor: PlanTensor
  /** The activation that made it: whoever computes its gradient multiplies by the derivative. */
  activation: Activation
  /** Whether anything before it has parameters. */
  needsGradient: boolean
}

/**
 * Takes the gradient with respect to a layer's output before its activation, pushes the dispatches of the layer's backward
 * pass, and returns the same for the layer before, or nothing where no parameters are left.
 */
type BackwardPass = (dy: PlanTensor) => PlanTensor | undefined

/** Turns layers into dispatches, forward first; the tape remembers how to go back. */
export class LayerCompiler {
  private readonly tape: BackwardPass[] = []

  constructor(
    private readonly builder: PlanBuilder,
    private readonly arena: ParameterArena,
    /** Rows of every activation. */
    private readonly B: number,
  ) {}

  /** Pushes the forward passes of the layers. */
  forward(layers: readonly ResolvedLayer[], input: Value): Value {
    return layers.reduce((value, layer) => this.layer(layer, value), input)
  }

  /** Remembers a backward pass; the last one recorded runs first. */
  record(pass: BackwardPass): void {
    this.tape.push(pass)
  }

  /** Pushes every recorded backward pass, from the gradient of the last layer's output on. */
  backward(dy: PlanTensor): void {
    let gradient: PlanTensor | undefined = dy
    for (const pass of this.tape.reverse()) {
      if (!gradient) return
      gradient = pass(gradient)
    }
  }

  private layer(layer: ResolvedLayer, x: Value): Value {
    switch (layer.kind) {
      case 'dense':
        return this.dense(layer, x)
      case 'flatten':
      case 'reshape':
        return x
      default:
        throw new Error(`${layer.path}: ${layer.kind} is not compiled yet`)
    }
  }

  private dense({ path, input, output, activation }: ResolvedDense, x: Value): Value {
    const { B } = this
    const shape = { B, I: input.size, O: output.size }
    const { w, b, dw, db } = this.arena.layer(path)
    const y = this.builder.activation(`${path}.y`, B * padTo4(output.size))
    this.builder.push(denseForward({ x: x.tensor, w, b, y }, shape, activation))
    this.record((dy) => {
      if (!x.needsGradient) {
        this.builder.push(denseBackwardWeight({ dy, x: x.tensor, dw, db }, shape))
        return undefined
      }
      const dx = this.builder.activation(`${path}.dx`, x.tensor.elements)
      this.builder.push(denseBackward({ dy, x: x.tensor, w, dx, dw, db }, shape, x.activation))
      return dx
    })
    return { tensor: y, activation, needsGradient: true }
  }
}
