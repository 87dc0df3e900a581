import type { Activation } from '../ops/activation.js'
import {
  convBackwardInput,
  convBackwardWeight,
  convForward,
  convTransposeBackwardInput,
  convTransposeBackwardWeight,
  convTransposeForward,
  convWeightParts,
} from '../ops/conv.js'
import { conditionBackward, conditionForward } from '../ops/condition.js'
import { activationBackward, permuteForward, residualAdd } from '../ops/elementwise.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../ops/dense.js'
import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'
import type {
  ResolvedCondition,
  ResolvedConv,
  ResolvedDense,
  ResolvedLayer,
  ResolvedPermute,
  ResolvedResidual,
} from './resolve.js'
import { channelsOf, sizeOf } from './shapes.js'

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

/** How a residual's other branch joins the first and last of its layers, where those can add it along. */
interface Skip {
  /** Added to the last layer's output. */
  add?: PlanTensor
  /** Added to the gradient of the first layer's input; known once the backward pass gets there. */
  gradient?: () => PlanTensor
}

/** Turns layers into dispatches, forward first; the tape remembers how to go back. */
export class LayerCompiler {
  private readonly tape: BackwardPass[] = []

  constructor(
    private readonly builder: PlanBuilder,
    private readonly arena: ParameterArena,
    /** Rows of every activation. */
    private readonly B: number,
    /** Rows an image. */
    private readonly samples: number,
    /** The labels of a conditional model's batch. */
    private readonly labels: () => PlanTensor,
  ) {}

  /** Pushes the forward passes of the layers. */
  forward(layers: readonly ResolvedLayer[], input: Value, skip: Skip = {}): Value {
    const last = layers.length - 1
    return layers.reduce((value, layer, i) => {
      const ends = { add: i === last ? skip.add : undefined, gradient: i === 0 ? skip.gradient : undefined }
      return this.layer(layer, value, ends)
    }, input)
  }

  /** Remembers a backward pass; the last one recorded runs first. */
  record(pass: BackwardPass): void {
    this.tape.push(pass)
  }

  /**
   * Pushes every recorded backward pass, from the gradient of the last layer's output on.
   * @returns the gradient of the first layer's input, unless no parameters lie before it
   */
  backward(dy: PlanTensor): PlanTensor | undefined {
    let gradient: PlanTensor | undefined = dy
    for (const pass of this.tape.reverse()) gradient &&= pass(gradient)
    return gradient
  }

  private layer(layer: ResolvedLayer, x: Value, skip: Skip): Value {
    switch (layer.kind) {
      case 'dense':
        return this.dense(layer, x)
      case 'conv':
      case 'conv-transpose':
        return this.conv(layer, x, skip)
      case 'flatten':
      case 'reshape':
        return x
      case 'permute':
        return this.permute(layer, x)
      case 'condition':
        return this.condition(layer, x)
      case 'residual':
        return this.residual(layer, x)
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

  private conv({ kind, path, geometry, output, activation }: ResolvedConv, x: Value, skip: Skip): Value {
    const ops = CONVOLUTIONS[kind]
    const shape = { B: this.B, ...geometry }
    const { w, b, dw, db } = this.arena.layer(path)
    const y = this.builder.activation(`${path}.y`, this.B * padTo4(sizeOf(output)))
    this.builder.push(ops.forward({ x: x.tensor, w, b, y, skip: skip.add }, shape, activation))
    this.record((dy) => {
      const count = convWeightParts(shape, kind === 'conv-transpose')
      const parts = count && {
        dw: this.builder.activation(`${path}.dw.parts`, count.dw),
        db: this.builder.activation(`${path}.db.parts`, count.db),
      }
      this.builder.push(...ops.backwardWeight({ x: x.tensor, dy, dw, db, parts }, shape))
      if (!x.needsGradient) return undefined
      const dx = this.builder.activation(`${path}.dx`, x.tensor.elements)
      const tensors = { dy, w, x: x.tensor, dx, dskip: skip.gradient?.() }
      this.builder.push(ops.backwardInput(tensors, shape, x.activation))
      return dx
    })
    return { tensor: y, activation: skip.add ? 'linear' : activation, needsGradient: true }
  }

  private permute({ path, input, output }: ResolvedPermute, x: Value): Value {
    const shape = { B: this.B, N: input.size, from: channelsOf(input.order), to: channelsOf(output.order) }
    const y = this.builder.activation(`${path}.y`, x.tensor.elements)
    this.builder.push(permuteForward({ x: x.tensor, y }, shape))
    this.record((dy) => {
      if (!x.needsGradient) return undefined
      const dx = this.builder.activation(`${path}.dx`, x.tensor.elements)
      this.builder.push(permuteForward({ x: dy, y: dx }, { ...shape, from: shape.to, to: shape.from }))
      return dx
    })
    return { ...x, tensor: y }
  }

  private condition({ path, input, output, classes }: ResolvedCondition, x: Value): Value {
    const [P, C] = input.kind === 'image' ? [input.h * input.w, input.c] : [1, input.size]
    const shape = { B: this.B, P, C, K: classes, samples: this.samples }
    const y = this.builder.activation(`${path}.y`, this.B * padTo4(sizeOf(output)))
    this.builder.push(conditionForward({ x: x.tensor, labels: this.labels(), y }, shape))
    this.record((dy) => {
      if (!x.needsGradient) return undefined
      const dx = this.builder.activation(`${path}.dx`, x.tensor.elements)
      this.builder.push(conditionBackward({ dy, dx }, shape))
      return dx
    })
    return { ...x, tensor: y }
  }

  /** y = x + f(x). Where f begins or ends with a convolution, that kernel adds the other branch along. */
  private residual({ path, layers }: ResolvedResidual, x: Value): Value {
    const last = layers.at(-1)!
    const addsForward = isConv(last) && last.activation === 'linear'
    const addsBackward = isConv(layers[0])
    let dy: PlanTensor | undefined
    this.record((dinner) => {
      if (addsBackward || !x.needsGradient) return dinner
      const dx = this.builder.activation(`${path}.dx`, x.tensor.elements)
      this.builder.push(residualAdd({ a: dinner, b: dy!, x: x.tensor, y: dx }, x.activation))
      return dx
    })
    const inner = this.forward(layers, addsBackward ? x : { ...x, activation: 'linear' }, {
      add: addsForward ? x.tensor : undefined,
      gradient: addsBackward ? () => dy! : undefined,
    })
    this.record((gradient) => {
      dy = gradient
      if (addsForward || inner.activation === 'linear') return gradient
      const dinner = this.builder.activation(`${path}.dinner`, inner.tensor.elements)
      this.builder.push(activationBackward({ dy: gradient, y: inner.tensor, dx: dinner }, inner.activation))
      return dinner
    })
    if (addsForward) return inner
    const y = this.builder.activation(`${path}.y`, x.tensor.elements)
    this.builder.push(residualAdd({ a: x.tensor, b: inner.tensor, y }, 'linear'))
    return { tensor: y, activation: 'linear', needsGradient: true }
  }
}

const CONVOLUTIONS = {
  conv: { forward: convForward, backwardInput: convBackwardInput, backwardWeight: convBackwardWeight },
  'conv-transpose': {
    forward: convTransposeForward,
    backwardInput: convTransposeBackwardInput,
    backwardWeight: convTransposeBackwardWeight,
  },
} as const

function isConv(layer: ResolvedLayer): layer is ResolvedConv {
  return layer.kind === 'conv' || layer.kind === 'conv-transpose'
}
