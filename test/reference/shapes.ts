import type { LayerSpec, VaeSpec } from '../../src/model/spec.js'
import { convOutput, type ConvShape } from './conv.js'
import { convTransposeOutput } from './conv-transpose.js'

/** Of one image: `[height, width, channels]`, or `[features]`. */
export type Shape = readonly number[]

type ConvLayer = Extract<LayerSpec, { type: 'conv' | 'conv-transpose' }>

/** What a layer makes of an input. */
export function outputShape(layer: LayerSpec, input: Shape): Shape {
  switch (layer.type) {
    case 'dense':
    case 'lstm':
      return [layer.units]
    case 'flatten':
      return [size(input)]
    case 'reshape':
      return layer.shape
    case 'residual':
    case 'batch-norm':
      return input
    case 'conv':
    case 'conv-transpose': {
      const shape = convShape(layer, input, 1)
      const { Ho, Wo } = layer.type === 'conv' ? convOutput(shape) : convTransposeOutput(shape)
      return [Ho, Wo, layer.filters]
    }
  }
}

/** The convolution that a layer is on an input. */
export function convShape({ kernel, stride, padding, filters }: ConvLayer, input: Shape, B: number): ConvShape {
  const [H, W, Ci] = input
  return { B, H, W, Ci, Co: filters, Kh: kernel, Kw: kernel, S: stride ?? 1, padding: padding ?? 'same' }
}

/** PyTorch's names and shapes of a model's parameters, in the order of the layers. */
export function parameterShapes(spec: VaeSpec): Record<string, number[]> {
  const shapes: Record<string, number[]> = spec.recurrent ? recurrentShapes(spec) : layerShapes(spec)
  const { likelihood } = spec
  if (likelihood.type === 'gaussian' && likelihood.variance === 'learned') shapes['likelihood.log_variance'] = [1]
  return shapes
}

function layerShapes(spec: VaeSpec): Record<string, number[]> {
  const shapes: Record<string, number[]> = {}
  const dense = (name: string, into: number, out: number) => {
    shapes[`${name}.weight`] = [out, into]
    shapes[`${name}.bias`] = [out]
  }
  const walk = (layers: readonly LayerSpec[], path: string, input: Shape): Shape =>
    layers.reduce((shape: Shape, layer, i) => {
      const name = `${path}.${i}`
      if (layer.type === 'residual') walk(layer.layers, name, shape)
      if (layer.type === 'batch-norm') {
        for (const part of ['weight', 'bias', 'running_mean', 'running_var']) shapes[`${name}.${part}`] = [shape.at(-1)!]
      }
      if (layer.type === 'dense') dense(name, size(shape), layer.units)
      if (layer.type === 'conv' || layer.type === 'conv-transpose') {
        const channels = layer.type === 'conv' ? [layer.filters, shape[2]] : [shape[2], layer.filters]
        shapes[`${name}.weight`] = [...channels, layer.kernel, layer.kernel]
        shapes[`${name}.bias`] = [layer.filters]
      }
      return outputShape(layer, shape)
    }, input)

  const { encoder, latent, decoder, classes = 0 } = spec
  const end = walk(encoder, 'encoder', labelled(spec))
  if (latent.type === 'vector-quantized') {
    shapes['latent.projection.weight'] = [latent.size, end[2], 1, 1]
    shapes['latent.projection.bias'] = [latent.size]
    shapes['latent.codebook.weight'] = [latent.codes, latent.size]
    walk(decoder, 'decoder', [end[0], end[1], latent.size])
  } else {
    dense('latent.mean', size(end), latent.size)
    const full = latent.type === 'gaussian' && latent.covariance === 'full'
    if (full) dense('latent.cholesky', size(end), (latent.size * (latent.size + 1)) / 2)
    else if (latent.type === 'gaussian') dense('latent.log_variance', size(end), latent.size)
    else if (latent.type === 'von-mises-fisher' && !latent.concentration) dense('latent.concentration', size(end), 1)
    walk(decoder, 'decoder', [latent.size + classes])
  }
  if (spec.classifier) walk(spec.classifier, 'classifier', spec.input)
  walk(spec.discriminator?.layers ?? [], 'discriminator', spec.input)
  return shapes
}

function recurrentShapes({ input, encoder, decoder, latent, recurrent }: VaeSpec): Record<string, number[]> {
  const [E, D] = [encoder, decoder].map(([layer]) => outputShape(layer, [])[0])
  const { attention } = recurrent!
  const Z = latent.size
  const pixels = size(input)
  const patch = (filters: number | undefined) => (filters ? input[2] * filters ** 2 : pixels)
  const shapes: Record<string, number[]> = {}
  const dense = (name: string, into: number, out: number) => {
    shapes[`${name}.weight`] = [out, into]
    shapes[`${name}.bias`] = [out]
  }
  const lstm = (name: string, into: number, units: number) => {
    shapes[`${name}.weight_ih`] = [4 * units, into]
    shapes[`${name}.weight_hh`] = [4 * units, units]
    shapes[`${name}.bias_ih`] = [4 * units]
    shapes[`${name}.bias_hh`] = [4 * units]
  }
  lstm('encoder.0', 2 * patch(attention?.read) + D, E)
  dense('latent.mean', E, Z)
  dense('latent.log_variance', E, Z)
  lstm('decoder.0', Z, D)
  if (attention) dense('read.attention', D, 5)
  dense('write', D, patch(attention?.write))
  if (attention) dense('write.attention', D, 5)
  return shapes
}

/** What the encoder reads: the image with the label as planes behind it, or as a vector that ends in the label. */
function labelled({ input: [H, W, C], classes = 0, encoder }: VaeSpec): Shape {
  const planes = ['conv', 'conv-transpose', 'residual'].includes(encoder[0]?.type)
  return planes || classes === 0 ? [H, W, C + classes] : [H * W * C + classes]
}

export function size(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1)
}
