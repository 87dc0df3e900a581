import { describe } from '../../checks.js'
import { SpecError } from '../../errors.js'
import type { Activation } from '../../ops/activation.js'
import {
  CONV_WEIGHT_AXES,
  convBackwardInput,
  convBackwardWeight,
  convForward,
  convTransposeBackwardInput,
  convTransposeBackwardWeight,
  convTransposeForward,
  convWeightParts,
} from '../../ops/conv.js'
import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import { checkElements, readWhole } from '../fields.js'
import { readActivation } from '../spec-fields.js'
import { type ConvGeometry, convGeometry, convTransposeGeometry } from '../geometry.js'
import type { BackwardPass, Graph, Value } from '../graph.js'
import { convLayout } from '../layout.js'
import { type ParameterSpec, vectorParameter } from '../parameters.js'
import { describeShape, type ImageShape, type Shape, sizeOf } from '../shapes.js'
import type { ConvSpec, ConvTransposeSpec } from '../spec.js'
import { activated, fused } from './activated.js'
import type { Frame, Layer, LayerKind, Place } from './layer.js'

/** A convolution, or the gradient of one, with its padding worked out. */
export class ConvLayer implements Layer {
  /** `x ⋆ w + skip`, where no activation lies between the two. */
  readonly forwardAdding?: Layer['forwardAdding']

  constructor(
    readonly kind: 'conv' | 'conv-transpose',
    readonly path: string,
    readonly input: ImageShape,
    readonly output: ImageShape,
    readonly activation: Activation,
    readonly geometry: ConvGeometry,
  ) {
    if (activation === 'linear') this.forwardAdding = (x, skip, frame) => this.convolve(x, frame, skip)
  }

  /** Weight `[out, in, kh, kw]`, transposed `[in, out, kh, kw]`, with PyTorch's fans of that shape, and bias `[out]`. */
  parameters(): ParameterSpec[] {
    const { kind, path, input, output } = this
    const { Kh, Kw } = this.geometry
    const shape = kind === 'conv' ? [output.c, input.c, Kh, Kw] : [input.c, output.c, Kh, Kw]
    return [
      {
        name: `${path}.weight`,
        shape,
        init: { type: 'glorot-uniform', fanIn: shape[1] * Kh * Kw, fanOut: shape[0] * Kh * Kw },
        layout: convLayout(shape, CONV_WEIGHT_AXES),
      },
      vectorParameter(`${path}.bias`, { size: output.c, order: 'plain' }),
    ]
  }

  forward(x: Value, frame: Frame): Value {
    const y = this.convolve(x, frame)
    return activated(y, this.activation, `${this.path}.activation`, frame.graph)
  }

  private convolve(x: Value, { graph }: Frame, skip?: Value): Value {
    const { kind, path, output } = this
    const activation = fused(this.activation)
    const ops = CONVOLUTIONS[kind]
    const { w, b } = graph.layer(path)
    const y = graph.value(`${path}.y`, x, padTo4(sizeOf(output)), activation)
    const tensors = { x: x.tensor, w, b, y: y.tensor, skip: skip?.tensor }
    graph.push(ops.forward(tensors, { B: x.rows, ...this.geometry }, activation))
    graph.record({
      inputs: skip ? [x, skip] : [x],
      outputs: [y],
      parameters: [path],
      backward: (pass) => {
        const dy = pass.gradient(y)!
        const shape = { B: pass.rows(x).rows, ...this.geometry }
        if (skip) pass.passOn(skip, dy)
        this.backwardWeight(pass, x, dy, graph)
        pass.send(x, `${path}.dx`, 'aside', ({ dx, activation: activationX, add: dskip }) => [
          ops.backwardInput({ dy, w, x: x.tensor, dx, dskip }, shape, activationX),
        ])
      },
    })
    return y
  }

  private backwardWeight(pass: BackwardPass, x: Value, dy: PlanTensor, graph: Graph): void {
    const { kind, path } = this
    const gradients = pass.parameters(path)
    if (!gradients) return
    const shape = { B: pass.rows(x).rows, ...this.geometry }
    const count = convWeightParts(shape, kind === 'conv-transpose')
    const parts = count && {
      dw: graph.builder.activation(`${path}.dw.parts`, count.dw),
      db: graph.builder.activation(`${path}.db.parts`, count.db),
    }
    const { accumulate, ...d } = gradients
    graph.push(...CONVOLUTIONS[kind].backwardWeight({ x: x.tensor, dy, ...d, parts }, shape, { accumulate }))
  }
}

/** A convolution on that input. @throws SpecError where it does not fit */
export function convLayer(spec: ConvSpec | ConvTransposeSpec, input: Shape, { path, name }: Place): ConvLayer {
  const { type, filters, kernel, activation = 'linear' } = spec
  if (input.kind === 'vector') {
    throw new SpecError(path, `${type} needs an image, got ${describeShape(input)}; put a reshape before it`)
  }
  const geometry = type === 'conv' ? convGeometry(spec, input, path) : convTransposeGeometry(spec, input, path)
  const [h, w] = type === 'conv' ? [geometry.Ho, geometry.Wo] : [geometry.H, geometry.W]
  checkElements(filters * input.c * kernel * kernel, path, `${filters} × ${input.c} × ${kernel} × ${kernel} weights`)
  checkElements(h * w * filters, path, `an output of ${h} × ${w} × ${filters}`)
  return new ConvLayer(type, name, input, { kind: 'image', h, w, c: filters }, activation, geometry)
}

/** A convolution: cross-correlation, as PyTorch has it. */
export const conv: LayerKind<ConvSpec> = {
  ...convKind(),
  type: 'conv',
  read: (fields, path) => ({ type: 'conv', ...readConv(fields, path) }),
}

/** A transposed convolution: the gradient of one. */
export const convTranspose: LayerKind<ConvTransposeSpec> = {
  ...convKind(),
  type: 'conv-transpose',
  read: (fields, path) => ({ type: 'conv-transpose', ...readConv(fields, path) }),
}

function convKind() {
  const resolve = (spec: ConvSpec | ConvTransposeSpec, input: Shape, place: Place) => [convLayer(spec, input, place)]
  return { keys: ['filters', 'kernel', 'stride', 'padding', 'activation'], resolve }
}

function readConv(fields: Record<string, unknown>, path: string): Omit<ConvSpec, 'type'> {
  const { filters, kernel, stride, padding, activation } = fields
  return {
    filters: readWhole(filters, `${path}.filters`, 1),
    kernel: readWhole(kernel, `${path}.kernel`, 1),
    ...(stride !== undefined && { stride: readWhole(stride, `${path}.stride`, 1) }),
    ...(padding !== undefined && { padding: readPadding(padding, `${path}.padding`) }),
    ...readActivation(activation, path),
  }
}

function readPadding(value: unknown, path: string): 'same' | number {
  if (value === 'same') return value
  if (typeof value === 'number') return readWhole(value, path, 0)
  throw new SpecError(path, `needs 'same' or a whole number from 0 on, got ${describe(value)}`)
}

const CONVOLUTIONS = {
  conv: { forward: convForward, backwardInput: convBackwardInput, backwardWeight: convBackwardWeight },
  'conv-transpose': {
    forward: convTransposeForward,
    backwardInput: convTransposeBackwardInput,
    backwardWeight: convTransposeBackwardWeight,
  },
} as const
