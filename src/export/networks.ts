import { convGeometry, convTransposeGeometry } from '../model/geometry.js'
import type {
  BatchNormSpec, ConvSpec, ConvTransposeSpec, DenseSpec, FlattenSpec, LayerSpec, LstmSpec, ReshapeSpec,
  ResidualSpec, VaeSpec,
} from '../model/spec.js'

/** One row of a batch as PyTorch and ONNX have it: a vector, or an image `[channels, height, width]`. */
export type RowShape = readonly [number] | readonly [channels: number, height: number, width: number]

/** Zeros before and after the rows and the columns; of a transposed convolution, what is cut off there. */
export interface Pads {
  top: number
  left: number
  bottom: number
  right: number
}

interface Placed<S extends LayerSpec> {
  kind: S['type']
  spec: S
  /** The beginning of its parameters' names: `encoder.2`. */
  name: string
  input: RowShape
  output: RowShape
}

/** A layer with its shapes, and what a specification leaves implicit. */
export type PlacedLayer =
  | (Placed<DenseSpec> & { kind: 'dense' })
  | (Placed<BatchNormSpec> & { kind: 'batch-norm' })
  | (Placed<FlattenSpec> & { kind: 'flatten' })
  | (Placed<ReshapeSpec> & { kind: 'reshape' })
  | (Placed<ConvSpec> & { kind: 'conv'; pads: Pads })
  /** `outputPadding`: rows and columns that only the bias reaches, added at the end. */
  | (Placed<ConvTransposeSpec> & { kind: 'conv-transpose'; pads: Pads; outputPadding: number })
  | (Placed<ResidualSpec> & { kind: 'residual'; layers: PlacedLayer[] })
  | (Placed<LstmSpec> & { kind: 'lstm' })

/** Layers one after another. */
export interface PlacedNetwork {
  input: RowShape
  layers: PlacedLayer[]
  output: RowShape
}

/** The networks of a model without recurrence. */
export interface Networks {
  /** With the label in its input, where the model is conditional. */
  encoder: PlacedNetwork
  decoder: PlacedNetwork
  classifier?: PlacedNetwork
  discriminator?: PlacedNetwork
}

/** How the label joins the encoder's input: behind an image's channels, or behind a vector's values. */
export function labelPlace({ classes, encoder }: VaeSpec): 'planes' | 'vector' | undefined {
  if (!classes) return undefined
  const first = encoder[0]?.type
  return first === 'conv' || first === 'conv-transpose' || first === 'residual' ? 'planes' : 'vector'
}

/** Every network of a checked specification, its layers with their shapes. */
export function networksOf(spec: VaeSpec): Networks {
  const { input: [h, w, c], classes = 0, latent } = spec
  const image: RowShape = [c, h, w]
  const joint: RowShape = labelPlace(spec) === 'vector' ? [sizeOf(image) + classes] : [c + classes, h, w]
  const encoder = placed(spec.encoder, 'encoder', joint)
  const [, ...area] = encoder.output
  const code: RowShape = latent.type === 'vector-quantized'
    ? ([latent.size, ...area] as unknown as RowShape)
    : [latent.size + classes]
  return {
    encoder,
    decoder: placed(spec.decoder, 'decoder', code),
    ...(spec.classifier && { classifier: placed(spec.classifier, 'classifier', image) }),
    ...(spec.discriminator && { discriminator: placed(spec.discriminator.layers, 'discriminator', image) }),
  }
}

/** Values of a row. */
export function sizeOf(shape: RowShape): number {
  return shape.reduce((product, n) => product * n, 1)
}

/** Whether a row is an image. */
export function isImage(shape: RowShape): shape is readonly [channels: number, height: number, width: number] {
  return shape.length === 3
}

function placed(specs: readonly LayerSpec[], path: string, input: RowShape): PlacedNetwork {
  const layers: PlacedLayer[] = []
  let shape = input
  for (const [i, spec] of specs.entries()) {
    const layer = placedLayer(spec, `${path}.${i}`, shape)
    layers.push(layer)
    shape = layer.output
  }
  return { input, layers, output: shape }
}

function placedLayer(spec: LayerSpec, name: string, input: RowShape): PlacedLayer {
  switch (spec.type) {
    case 'dense': return { kind: 'dense', spec, name, input, output: [spec.units] }
    case 'batch-norm': return { kind: 'batch-norm', spec, name, input, output: input }
    case 'flatten': return { kind: 'flatten', spec, name, input, output: [sizeOf(input)] }
    case 'lstm': return { kind: 'lstm', spec, name, input, output: [spec.units] }
    case 'residual': {
      return { kind: 'residual', spec, name, input, output: input, layers: placed(spec.layers, name, input).layers }
    }
    case 'reshape': {
      const [h, w, c] = spec.shape
      return { kind: 'reshape', spec, name, input, output: [c, h, w] }
    }
    case 'conv': {
      const { H, W, Ho, Wo, Co, Kh, S, padTop, padLeft } = convGeometry(spec, imageOf(input), name)
      const after = (n: number, out: number, before: number) => {
        return spec.padding === undefined || spec.padding === 'same' ? Math.max((out - 1) * S + Kh - n, 0) - before : before
      }
      const pads = { top: padTop, left: padLeft, bottom: after(H, Ho, padTop), right: after(W, Wo, padLeft) }
      return { kind: 'conv', spec, name, input, output: [Co, Ho, Wo], pads }
    }
    case 'conv-transpose': {
      const { H, W, Ho, Wo, Ci, Kh, S, padTop, padLeft } = convTransposeGeometry(spec, imageOf(input), name)
      // (n − 1)·s + k before anything is cut off; what 'same' wants beyond that has the bias alone
      const over = (n: number, out: number) => (n - 1) * S + Kh - out
      const [rows, columns] = [over(Ho, H), over(Wo, W)]
      const pads = {
        top: padTop, left: padLeft, bottom: Math.max(rows, 0) - padTop, right: Math.max(columns, 0) - padLeft,
      }
      return { kind: 'conv-transpose', spec, name, input, output: [Ci, H, W], pads, outputPadding: Math.max(-rows, 0) }
    }
  }
}

function imageOf(shape: RowShape): { kind: 'image'; h: number; w: number; c: number } {
  const [c, h, w] = shape
  return { kind: 'image', h: h!, w: w!, c }
}
