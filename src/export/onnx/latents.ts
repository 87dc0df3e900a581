import type { OnnxGraph, Value } from '../../formats/onnx/graph.js'
import type { LatentSpec, QuantizedLatentSpec } from '../../model/spec.js'
import type { RowShape } from '../networks.js'
import type { OnnxLayers } from './layers.js'

/** What `vae.encode` returns, by its names, and what the decoder reads. */
export interface Encoded {
  outputs: PosteriorOutput[]
  /** z: the posterior's mean, or the image of the chosen vectors. */
  latent: Value
}

/** One of the values that `vae.encode` returns, as an output of the graph. */
export interface PosteriorOutput {
  name: 'mean' | 'logVariance' | 'cholesky' | 'concentration' | 'codes'
  value: Value
  elements: 'float' | 'int64'
  /** Without the batch. */
  shape: readonly number[]
  meaning: string
}

/** The posterior of features, the encoder's output. */
export function encoded(latent: LatentSpec, features: Value, shape: RowShape, layers: OnnxLayers): Encoded {
  if (latent.type === 'vector-quantized') return quantized(latent, features, shape, layers)
  const { graph } = layers
  const flat = shape.length === 1 ? features : graph.node('Flatten', 'latent.flatten', [features], { axis: 1 })
  const size = [latent.size]
  const mean = layers.dense('latent.mean', flat)
  const plain = (name: PosteriorOutput['name'], value: Value, rowShape: number[], meaning: string): PosteriorOutput => {
    return { name, value, elements: 'float', shape: rowShape, meaning }
  }
  if (latent.type === 'deterministic') return { latent: mean, outputs: [plain('mean', mean, size, 'the code')] }
  if (latent.type === 'von-mises-fisher') {
    const direction = unitLength(graph, mean)
    const concentration = latent.concentration === undefined
      ? learnedConcentration(layers, flat)
      : fixedConcentration(graph, flat, latent.concentration)
    return {
      latent: direction,
      outputs: [
        plain('mean', direction, size, 'mean direction, of length 1'),
        plain('concentration', concentration, [], 'κ'),
      ],
    }
  }
  const meanOutput = plain('mean', mean, size, 'mean of q(z|x)')
  if (latent.covariance === 'full') {
    const factor = triangle(layers, flat, latent.size)
    const meaning = 'lower triangle L of the covariance L Lᵀ'
    return { latent: mean, outputs: [meanOutput, plain('cholesky', factor, [latent.size, latent.size], meaning)] }
  }
  const logVariance = layers.dense('latent.log_variance', flat)
  return { latent: mean, outputs: [meanOutput, plain('logVariance', logVariance, size, 'log-variance of q(z|x)')] }
}

/** The vectors of codes `[batch, height, width]`, as an image for the decoder. */
export function vectorsOf(codes: Value, layers: OnnxLayers): { vectors: Value; image: Value } {
  const { graph } = layers
  const vectors = graph.node('Gather', 'latent.codebook', [layers.parameter('latent.codebook.weight'), codes], { axis: 0 })
  return { vectors, image: graph.transpose('latent.image', vectors, 0, 3, 1, 2) }
}

/** Every pixel becomes the nearest code: argmin over k of |e_k|² − 2 z·e_k, the lowest k among equals. */
function quantized({ size }: QuantizedLatentSpec, features: Value, shape: RowShape, layers: OnnxLayers): Encoded {
  const { graph } = layers
  const [, height, width] = shape as readonly [number, number, number]
  const weights = ['weight', 'bias'].map((part) => layers.parameter(`latent.projection.${part}`))
  const projected = graph.node('Conv', 'latent.projection', [features, ...weights], { kernel_shape: [1, 1] })
  const last = graph.transpose('latent.projection.last', projected, 0, 2, 3, 1)
  const positions = graph.reshape('latent.positions', last, height * width, size)
  const codebook = layers.parameter('latent.codebook.weight')
  const products = graph.node('MatMul', 'latent.products', [positions, graph.transpose('latent.codebook.columns', codebook, 1, 0)])
  const squares = graph.node('ReduceSumSquare', 'latent.codebook.squares', [codebook], { axes: [1], keepdims: 0 })
  const twice = graph.node('Mul', 'latent.products.twice', [products, graph.scalar(2)])
  const distances = graph.node('Sub', 'latent.distances', [squares, twice])
  const nearest = graph.node('ArgMin', 'latent.nearest', [distances], { axis: 2, keepdims: 0 })
  const codes = graph.reshape('latent.codes', nearest, height, width)
  const { vectors, image } = vectorsOf(codes, layers)
  return {
    latent: image,
    outputs: [
      { name: 'mean', value: vectors, elements: 'float', shape: [height, width, size], meaning: 'the chosen codes’ vectors' },
      { name: 'codes', value: codes, elements: 'int64', shape: [height, width], meaning: 'which codes were chosen' },
    ],
  }
}

function unitLength(graph: OnnxGraph, mean: Value): Value {
  const length = graph.node('ReduceL2', 'latent.length', [mean], { axes: [1], keepdims: 1 })
  return graph.node('Div', 'latent.direction', [mean, graph.node('Max', 'latent.length.least', [length, graph.scalar(1e-12)])])
}

/** κ = 1 + softplus(output) `[batch]`. */
function learnedConcentration(layers: OnnxLayers, features: Value): Value {
  const { graph } = layers
  const output = layers.dense('latent.concentration', features)
  const above = graph.node('Softplus', 'latent.concentration.softplus', [output])
  return graph.reshape('latent.concentration.rows', graph.node('Add', 'latent.kappa', [above, graph.scalar(1)]))
}

/** The same κ for every row of the features. */
function fixedConcentration(graph: OnnxGraph, features: Value, kappa: number): Value {
  const batch = graph.node('Shape', 'latent.batch', [features], { start: 0, end: 1 })
  return graph.node('Expand', 'latent.kappa', [graph.scalar(kappa), batch])
}

/** L of outputs that are its lower triangle row by row, its diagonal as L_jj = exp(½ · output). */
function triangle(layers: OnnxLayers, features: Value, size: number): Value {
  const { graph } = layers
  const outputs = layers.dense('latent.cholesky', features)
  const last = (row: number) => (row * (row + 1)) / 2 + row // where a row ends, on the diagonal
  const diagonal = new Set(Array.from({ length: size }, (_, row) => last(row)))
  const onDiagonal = graph.truths('latent.cholesky.on_diagonal', Array.from({ length: last(size - 1) + 1 }, (_, i) => diagonal.has(i)))
  const half = graph.node('Mul', 'latent.cholesky.half', [outputs, graph.scalar(0.5)])
  const deviation = graph.node('Exp', 'latent.cholesky.exp', [half])
  const values = graph.node('Where', 'latent.cholesky.values', [onDiagonal, deviation, outputs])
  const places = Array.from({ length: size * size }, (_, i) => {
    const [row, column] = [Math.floor(i / size), i % size]
    return last(row) - row + Math.min(column, row)
  })
  const places2d = graph.wholeTensor('latent.cholesky.places', [size, size], places)
  const square = graph.node('Gather', 'latent.cholesky.square', [values, places2d], { axis: 1 })
  return graph.node('Trilu', 'latent.cholesky.lower', [square], { upper: 0 })
}

/** Values of the decoder's latent, per row. */
export function latentShape(latent: LatentSpec, encoderOutput: RowShape): number[] {
  if (latent.type !== 'vector-quantized') return [latent.size]
  const [, height, width] = encoderOutput as readonly [number, number, number]
  return [height, width]
}

