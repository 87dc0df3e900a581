import type { ParameterSpec } from '../../src/model/parameters.js'
import { ConvLayer } from '../../src/model/layers/conv.js'
import { DenseLayer } from '../../src/model/layers/dense.js'
import type { Layer } from '../../src/model/layers/layer.js'
import { ResidualLayer } from '../../src/model/layers/residual.js'
import { View } from '../../src/model/layers/view.js'
import { sizeOf } from '../../src/model/shapes.js'
import type { VaeModel } from '../../src/model/vae.js'
import type { ConvSpec, ConvTransposeSpec, LayerSpec, VaeSpec } from '../../src/model/spec.js'
import { elementCount, type Tensor } from '../../src/tensor.js'
import { type Activation } from '../../src/ops/activation.js'

// A deterministic model in float64, twice: `evaluateTorch` reads the specification alone and follows PyTorch, images
// (channel, row, column); `evaluateInner` walks the resolved model on inner weights, images (row, column, channel).
// Both take and return one image (row, column, channel).

type Weights = Record<string, ArrayLike<number>>

/** A value in PyTorch's order; `shape` is [n] or [c, h, w]. */
interface Value {
  shape: number[]
  data: Float64Array
}

export function evaluateTorch(spec: VaeSpec, parameters: Record<string, Tensor>, image: Float64Array): Float64Array {
  const weights = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]))
  const [h, w, c] = spec.input
  const toChannelsFirst = (_: unknown, i: number) => image[(i % (h * w)) * c + Math.floor(i / (h * w))]
  let value: Value = { shape: [c, h, w], data: image.map(toChannelsFirst) }
  value = torchLayers(spec.encoder, value, 'encoder', weights)
  value = torchDense(value.data, 'latent.mean', spec.latent.size, 'linear', weights)
  value = torchLayers(spec.decoder, value, 'decoder', weights)
  return value.data.map((_, i) => value.data[(i % c) * h * w + Math.floor(i / c)])
}

function torchLayers(layers: LayerSpec[], input: Value, path: string, weights: Weights): Value {
  return layers.reduce((x: Value, layer, i): Value => {
    const name = `${path}.${i}`
    switch (layer.type) {
      case 'dense':
        return torchDense(x.data, name, layer.units, layer.activation, weights)
      case 'flatten':
        return { shape: [x.data.length], data: x.data }
      case 'reshape':
        return { shape: [layer.shape[2], layer.shape[0], layer.shape[1]], data: x.data }
      case 'residual': {
        const { data } = torchLayers(layer.layers, x, name, weights)
        return { shape: x.shape, data: x.data.map((value, k) => value + data[k]) }
      }
      case 'batch-norm':
      case 'lstm':
        throw new Error(`${name}: ${layer.type} is not evaluated here`)
      default:
        return torchConv(layer, x, name, weights)
    }
  }, input)
}

function torchDense(
  x: Float64Array,
  name: string,
  units: number,
  activation: Activation = 'linear',
  weights: Weights,
): Value {
  const data = Float64Array.from({ length: units }, (_, o) => {
    const sum = x.reduce((total, value, i) => total + value * weights[`${name}.weight`][o * x.length + i], 0)
    return activate(sum + weights[`${name}.bias`][o], activation)
  })
  return { shape: [units], data }
}

/** Gathers for a convolution, scatters for a transposed one, tap by tap; padding 'same' only. */
function torchConv(layer: ConvSpec | ConvTransposeSpec, x: Value, name: string, weights: Weights): Value {
  const { filters, kernel: k, stride: s = 1, activation = 'linear' } = layer
  const [c, h, w] = x.shape
  const transposed = layer.type === 'conv-transpose'
  const [ho, wo] = [h, w].map((n) => (transposed ? n * s : Math.ceil(n / s)))
  const before = (small: number, large: number) => Math.floor(Math.max((small - 1) * s + k - large, 0) / 2)
  const top = transposed ? before(h, ho) : before(ho, h)
  const left = transposed ? before(w, wo) : before(wo, w)
  const data = Float64Array.from(
    { length: filters * ho * wo },
    (_, i) => weights[`${name}.bias`][Math.floor(i / (ho * wo))],
  )
  for (const [o, i, a, b, kh, kw] of everyIndex([filters, c, transposed ? h : ho, transposed ? w : wo, k, k])) {
    const [row, column] = [a * s + kh - top, b * s + kw - left] // in the larger image; (a, b) in the smaller one
    if (row < 0 || column < 0 || row >= (transposed ? ho : h) || column >= (transposed ? wo : w)) continue
    const weight = weights[`${name}.weight`][((transposed ? i * filters + o : o * c + i) * k + kh) * k + kw]
    if (transposed) data[(o * ho + row) * wo + column] += weight * x.data[(i * h + a) * w + b]
    else data[(o * ho + a) * wo + b] += weight * x.data[(i * h + row) * w + column]
  }
  return { shape: [filters, ho, wo], data: data.map((value) => activate(value, activation)) }
}

export function evaluateInner(
  model: VaeModel,
  specs: ParameterSpec[],
  inner: Weights,
  image: Float64Array,
): Float64Array {
  const strides = Object.fromEntries(specs.map(({ name, layout }) => [name, layout.paddedColumns]))
  const code = innerLayers(model.encoder, image, inner, strides)
  const mean = innerDense(code, 'latent.mean', sizeOf(model.latent.output), 'linear', inner, strides)
  return innerLayers(model.decoder, mean, inner, strides)
}

function innerLayers(
  layers: readonly Layer[],
  input: Float64Array,
  inner: Weights,
  strides: Record<string, number>,
): Float64Array {
  return layers.reduce((x, layer) => {
    if (x.length !== sizeOf(layer.input))
      throw new Error(`${layer.path} takes ${sizeOf(layer.input)} values, not ${x.length}`)
    if (layer instanceof DenseLayer) {
      return innerDense(x, layer.path, layer.output.size, layer.activation, inner, strides)
    }
    if (layer instanceof ConvLayer) return innerConv(layer, x, inner, strides[`${layer.path}.weight`])
    if (layer instanceof View) {
      if (!layer.permutation) return x
      const from = torchNumbers(x.length, layer.permutation.from)
      return Float64Array.from(torchNumbers(x.length, layer.permutation.to), (number) => x[from.indexOf(number)])
    }
    if (!(layer instanceof ResidualLayer)) throw new Error(`${layer.path}: a ${layer.kind} is not evaluated here`)
    const y = innerLayers(layer.layers, x, inner, strides)
    return x.map((value, i) => value + y[i])
  }, input)
}

function innerDense(
  x: Float64Array,
  path: string,
  O: number,
  activation: Activation,
  inner: Weights,
  strides: Record<string, number>,
) {
  const stride = strides[`${path}.weight`]
  return Float64Array.from({ length: O }, (_, o) => {
    const sum = x.reduce((total, value, i) => total + value * inner[`${path}.weight`][o * stride + i], 0)
    return activate(sum + inner[`${path}.bias`][o], activation)
  })
}

/** On weights [Co, Kh, Kw, Ci] of the underlying convolution. */
function innerConv(layer: ConvLayer, x: Float64Array, inner: Weights, stride: number): Float64Array {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, padTop, padLeft } = layer.geometry
  const y = Float64Array.from(
    { length: sizeOf(layer.output) },
    (_, i) => inner[`${layer.path}.bias`][i % layer.output.c],
  )
  for (const [ho, wo, co, kh, kw, ci] of everyIndex([Ho, Wo, Co, Kh, Kw, Ci])) {
    const [h, w] = [ho * S + kh - padTop, wo * S + kw - padLeft]
    if (h < 0 || w < 0 || h >= H || w >= W) continue
    const weight = inner[`${layer.path}.weight`][((co * Kh + kh) * Kw + kw) * stride + ci]
    const [large, small] = [(h * W + w) * Ci + ci, (ho * Wo + wo) * Co + co]
    if (layer.kind === 'conv') y[small] += weight * x[large]
    else y[large] += weight * x[small]
  }
  return y.map((value) => activate(value, layer.activation))
}

/** PyTorch's number of the value at each place of a vector with `channels` side by side. */
function torchNumbers(size: number, channels: number): number[] {
  return Array.from({ length: size }, (_, i) => (i % channels) * (size / channels) + Math.floor(i / channels))
}

function* everyIndex(sizes: number[]): Generator<number[]> {
  const count = elementCount(sizes)
  for (let n = 0; n < count; n++) {
    let rest = n
    const index = sizes.map(() => 0)
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      index[axis] = rest % sizes[axis]
      rest = Math.floor(rest / sizes[axis])
    }
    yield index
  }
}

function activate(value: number, activation: Activation): number {
  if (activation === 'leaky-relu') return value > 0 ? value : 0.2 * value
  return activation === 'tanh' ? Math.tanh(value) : value
}
