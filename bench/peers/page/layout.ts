import type { LayerSpec, Tensor, VaeSpec } from '../../../src/index.js'
import { outputShape, type Shape } from '../../../test/reference/shapes.js'

/** The same values with the axes in another order: axis i of the result is axis `axes[i]` of the tensor. */
export function permuted({ shape, data }: Tensor, axes: number[]): Tensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1))
  const result = { shape: axes.map((axis) => shape[axis]), data: new Float32Array(data.length) }
  const index = axes.map(() => 0)
  for (let i = 0; i < data.length; i++) {
    result.data[i] = data[axes.reduce((at, axis, k) => at + strides[axis] * index[k], 0)]
    for (let k = axes.length - 1; k >= 0 && ++index[k] === result.shape[k]; k--) index[k] = 0
  }
  return result
}

/**
 * Parameters in TensorFlow's layouts: dense weights (in, out), convolutions (height, width, in, out), transposed ones
 * (height, width, out, in), and images that are flattened in the order (row, column, channel).
 */
export function channelsLast(spec: VaeSpec, parameters: Record<string, Tensor>): Record<string, Tensor> {
  const result = Object.entries(parameters).map(([name, tensor]) => {
    if (tensor.shape.length === 1) return [name, tensor] as const
    return [name, permuted(tensor, tensor.shape.length === 4 ? [2, 3, 1, 0] : [1, 0])] as const
  })
  const converted = Object.fromEntries(result)
  for (const [name, [h, w, c]] of flattenedInputs(spec)) {
    const { shape: [into, out], data } = converted[`${name}.weight`]
    const { data: reordered } = permuted({ shape: [c, h, w, out], data }, [1, 2, 0, 3])
    converted[`${name}.weight`] = { shape: [into, out], data: reordered }
  }
  for (const [name, [h, w, c]] of unflattenedOutputs(spec)) {
    const { shape, data } = converted[`${name}.weight`]
    const { data: weight } = permuted({ shape: [shape[0], c, h, w], data }, [0, 2, 3, 1])
    const { data: bias } = permuted({ shape: [c, h, w], data: converted[`${name}.bias`].data }, [1, 2, 0])
    converted[`${name}.weight`] = { shape, data: weight }
    converted[`${name}.bias`] = { shape: [shape[1]], data: bias }
  }
  return converted
}

type Image = [height: number, width: number, channels: number]

/** Dense layers and heads that read an image of several channels, with its shape. */
function flattenedInputs({ input, encoder }: VaeSpec): [name: string, image: Image][] {
  const found: [string, Image][] = []
  let image: Shape | undefined = input
  let shape: Shape = input
  const reads = (name: string) => {
    if (image && image[2] > 1) found.push([name, image as unknown as Image])
    image = undefined
  }
  encoder.forEach((layer, i) => {
    if (layer.type === 'dense') reads(`encoder.${i}`)
    shape = outputShape(layer, shape)
    if (shape.length === 3) image = shape
  })
  const last = image
  reads('latent.mean')
  image = last
  reads('latent.log_variance')
  return found
}

/** Dense layers whose output becomes an image of several channels, with its shape. */
function unflattenedOutputs({ decoder }: VaeSpec): [name: string, image: Image][] {
  return decoder.flatMap((layer: LayerSpec, i): [string, Image][] =>
    layer.type === 'reshape' && layer.shape[2] > 1 ? [[`decoder.${i - 1}`, [...layer.shape]]] : [],
  )
}
