import type { LayerSpec, VaeSpec } from '../../src/model/spec.js'
import type { Activation } from '../../src/ops/activation.js'
import { activationBackward, activationForward, sigmoid } from './activation.js'
import { batchNormBackward, batchNormForward } from './batch-norm.js'
import { bernoulliBackward, bernoulliForward } from './bernoulli.js'
import { convBackward, convForward } from './conv.js'
import { convTransposeBackward, convTransposeForward } from './conv-transpose.js'
import { denseBackward, denseForward } from './dense.js'
import { flatten, unflatten } from './flatten.js'
import { freeBitsForward, importanceBackward, importanceForward, sampledKl } from './importance.js'
import { klBackward, klForward, reparameterizeBackward, reparameterizeForward } from './latent.js'
import { convShape, outputShape, size, type Shape } from './shapes.js'

type Values = ArrayLike<number>

/** Parameters under PyTorch's names, in its shapes. */
export type Parameters = Record<string, { shape: number[]; data: Values }>

/** Nats per image, averaged over the batch. */
export interface ReferenceLoss {
  total: number
  reconstruction: number
  kl: number
}

/** What is minimised instead of −ELBO: a bound of several samples, or a KL term of at least so much a dimension. */
export interface ReferenceObjective {
  importanceSamples?: number
  freeBits?: number
}

/**
 * The loss of a model on images (B, H, W, C) with the given noise (B, Z), which a deterministic model ignores; with S
 * importance samples (B, S, Z).
 */
export function referenceLoss(
  spec: VaeSpec,
  parameters: Parameters,
  images: Values,
  noise: Values = [],
  objective: ReferenceObjective = {},
): ReferenceLoss {
  return lossOf(objective)(spec, parameters, images, noise, objective).loss
}

/** The loss and its gradient with respect to every parameter. */
export function referenceGradients(
  spec: VaeSpec,
  parameters: Parameters,
  images: Values,
  noise: Values = [],
  objective: ReferenceObjective = {},
) {
  const { loss, backward } = lossOf(objective)(spec, parameters, images, noise, objective)
  return { loss, gradients: backward() }
}

function lossOf({ importanceSamples = 1 }: ReferenceObjective) {
  return importanceSamples > 1 ? evaluateBound : evaluate
}

/** Mean and log-variance (B, Z) of images; a deterministic model has no log-variance. */
export function referenceEncode(spec: VaeSpec, parameters: Parameters, images: Values) {
  const pass = new Pass(parameters, images.length / size(spec.input))
  const hidden = pass.layers(spec.encoder, 'encoder', { data: Float64Array.from(images), shape: spec.input })
  const mean = pass.dense('latent.mean', spec.latent.size, hidden).data
  if (spec.latent.type === 'deterministic') return { mean }
  return { mean, logVariance: pass.dense('latent.log_variance', spec.latent.size, hidden).data }
}

/** The probabilities (B, H, W, C) that latents (B, Z) stand for. */
export function referenceDecode(spec: VaeSpec, parameters: Parameters, latents: Values): Float64Array {
  const pass = new Pass(parameters, latents.length / spec.latent.size)
  const z = { data: Float64Array.from(latents), shape: [spec.latent.size] }
  return pass.image(pass.layers(spec.decoder, 'decoder', z), spec.input).data.map(sigmoid)
}

function evaluate(
  spec: VaeSpec,
  parameters: Parameters,
  images: Values,
  noise: Values,
  { freeBits = 0 }: ReferenceObjective,
) {
  const B = images.length / size(spec.input)
  const Z = spec.latent.size
  const klWeight = spec.klWeight ?? 1
  const isGaussian = spec.latent.type === 'gaussian'
  const pass = new Pass(parameters, B)

  const hidden = pass.layers(spec.encoder, 'encoder', { data: Float64Array.from(images), shape: spec.input })
  const mean = pass.dense('latent.mean', Z, hidden)
  const logVariance = isGaussian ? pass.dense('latent.log_variance', Z, hidden) : undefined
  const z = logVariance ? reparameterizeForward(mean.data, logVariance.data, noise) : mean.data
  const decoded = pass.layers(spec.decoder, 'decoder', { data: z, shape: [Z] })
  const logits = pass.image(decoded, spec.input)

  const reconstruction = bernoulliForward(logits.data, images) / B
  const kl = logVariance ? klForward(mean.data, logVariance.data) / B : 0
  const klOf = (j: number) => klForward(column(mean.data, Z, j), column(logVariance!.data, Z, j)) / B
  const kept = (j: number) => freeBits === 0 || klOf(j) > freeBits
  const dimensions = Array.from({ length: freeBits > 0 ? Z : 0 }, (_, j) => klOf(j))
  const term = freeBits > 0 ? freeBitsForward(dimensions, freeBits) : kl
  const loss = { total: reconstruction + klWeight * term, reconstruction, kl }

  const backward = () => {
    const dLogits = scale(bernoulliBackward(logits.data, images), 1 / B)
    const dz = decoded.backward(logits.backward(dLogits))
    if (!logVariance) {
      hidden.backward(mean.backward(dz))
      return pass.gradients
    }
    const fromSample = reparameterizeBackward(dz, logVariance.data, noise)
    const fromKl = klBackward(mean.data, logVariance.data)
    const keep = (d: Float64Array) => d.map((value, i) => (kept(i % Z) ? value : 0))
    const dMean = add(fromSample.dMean, scale(keep(fromKl.dMean), klWeight / B))
    const dLogVariance = add(fromSample.dLogVariance, scale(keep(fromKl.dLogVariance), klWeight / B))
    hidden.backward(add(mean.backward(dMean), logVariance.backward(dLogVariance)))
    return pass.gradients
  }
  return { loss, backward }
}

/** The importance-weighted bound of a Gaussian latent: the encoder sees B images, the decoder B · S samples. */
function evaluateBound(
  spec: VaeSpec,
  parameters: Parameters,
  images: Values,
  noise: Values,
  { importanceSamples: S = 1 }: ReferenceObjective,
) {
  const N = size(spec.input)
  const B = images.length / N
  const Z = spec.latent.size
  const klWeight = spec.klWeight ?? 1
  const encoder = new Pass(parameters, B)
  const decoder = new Pass(parameters, B * S)

  const hidden = encoder.layers(spec.encoder, 'encoder', { data: Float64Array.from(images), shape: spec.input })
  const mean = encoder.dense('latent.mean', Z, hidden)
  const logVariance = encoder.dense('latent.log_variance', Z, hidden)
  const [means, logVariances] = [mean, logVariance].map(({ data }) => repeatRows(data, Z, S))
  const z = reparameterizeForward(means, logVariances, noise)
  const decoded = decoder.layers(spec.decoder, 'decoder', { data: z, shape: [Z] })
  const logits = decoder.image(decoded, spec.input)

  const targets = repeatRows(images, N, S)
  const rows = Array.from({ length: B * S }, (_, row) => row)
  const reconstructions = rows.map((row) => bernoulliForward(rowOf(logits.data, N, row), rowOf(targets, N, row)))
  const kls = rows.map((row) => sampledKl(rowOf(z, Z, row), rowOf(noise, Z, row), rowOf(logVariances, Z, row)))
  const negativeLogWeights = rows.map((row) => reconstructions[row] + klWeight * kls[row])
  const loss = {
    total: importanceForward(negativeLogWeights, S) / B,
    reconstruction: meanOf(reconstructions),
    kl: meanOf(kls),
  }

  const backward = () => {
    const weights = scale(importanceBackward(negativeLogWeights, S), 1 / B)
    const dLogits = bernoulliBackward(logits.data, targets).map((d, i) => d * weights[Math.floor(i / N)])
    const fromLikelihood = decoded.backward(logits.backward(dLogits))
    const dz = fromLikelihood.map((d, i) => d + klWeight * weights[Math.floor(i / Z)] * z[i])
    const fromSample = reparameterizeBackward(dz, logVariances, noise)
    const dLogVariances = fromSample.dLogVariance.map((d, i) => d - 0.5 * klWeight * weights[Math.floor(i / Z)])
    const dMean = mean.backward(sumRows(fromSample.dMean, Z, S))
    hidden.backward(add(dMean, logVariance.backward(sumRows(dLogVariances, Z, S))))
    return { ...encoder.gradients, ...decoder.gradients }
  }
  return { loss, backward }
}

/** A value (B, …shape) on the way through the model. */
interface Value {
  data: Float64Array
  shape: Shape
}

/** A value that knows the way back: from its gradient to that of its input, keeping the parameters' gradients. */
interface Differentiable extends Value {
  backward(dy: Float64Array): Float64Array
}

class Pass {
  readonly gradients: Record<string, { shape: number[]; data: Float64Array }> = {}

  constructor(
    private readonly parameters: Parameters,
    private readonly B: number,
  ) {}

  layers(layers: readonly LayerSpec[], path: string, input: Value): Differentiable {
    return layers.reduce((x, layer, i) => {
      const y = this.layer(layer, `${path}.${i}`, x)
      return { ...y, backward: (dy) => x.backward(y.backward(dy)) }
    }, { ...input, backward: (dy) => dy } as Differentiable)
  }

  layer(layer: LayerSpec, name: string, x: Value): Differentiable {
    switch (layer.type) {
      case 'dense':
        return this.activated(this.dense(name, layer.units, x), layer.activation)
      case 'conv':
      case 'conv-transpose':
        return this.activated(this.conv(layer, name, x), layer.activation)
      case 'flatten':
        return this.vector(x)
      case 'reshape':
        return this.image(x, layer.shape)
      case 'residual': {
        const inner = this.layers(layer.layers, name, x)
        const backward = (dy: Float64Array) => add(dy, inner.backward(dy))
        return this.activated({ data: add(x.data, inner.data), shape: x.shape, backward }, layer.activation)
      }
      case 'lstm':
        throw new Error(`${name}: a recurrent model is not evaluated here`)
      case 'batch-norm': {
        const { w, b } = this.weights(name)
        const backward = (dy: Float64Array) => this.keep(name, batchNormBackward(x.data, w, dy))
        return this.activated({ data: batchNormForward(x.data, w, b), shape: x.shape, backward }, layer.activation)
      }
    }
  }

  dense(name: string, units: number, input: Value): Differentiable {
    const x = this.vector(input)
    const shape = { B: this.B, I: size(x.shape), O: units }
    const { w, b } = this.weights(name)
    const backward = (dy: Float64Array) => x.backward(this.keep(name, denseBackward(x.data, w, dy, shape)))
    return { data: denseForward(x.data, w, b, shape), shape: [units], backward }
  }

  /** As a vector, in PyTorch's order. */
  vector(x: Value): Differentiable {
    if (x.shape.length === 1) return { ...x, backward: (dy) => dy }
    return { data: flatten(x.data, x.shape), shape: [size(x.shape)], backward: (dy) => unflatten(dy, x.shape) }
  }

  /** As images of a shape, filled in PyTorch's order. */
  image(input: Value, shape: Shape): Differentiable {
    const x = this.vector(input)
    return { data: unflatten(x.data, shape), shape, backward: (dy) => x.backward(flatten(dy, shape)) }
  }

  private conv(layer: Extract<LayerSpec, { type: 'conv' | 'conv-transpose' }>, name: string, x: Value): Differentiable {
    const [forward, gradient] =
      layer.type === 'conv' ? [convForward, convBackward] : [convTransposeForward, convTransposeBackward]
    const shape = convShape(layer, x.shape, this.B)
    const { w, b } = this.weights(name)
    const backward = (dy: Float64Array) => this.keep(name, gradient(x.data, w, dy, shape))
    return { data: forward(x.data, w, b, shape), shape: outputShape(layer, x.shape), backward }
  }

  private activated(v: Differentiable, activation: Activation = 'linear'): Differentiable {
    const y = activationForward(v.data, activation)
    const known = activation === 'silu' ? v.data : y
    return { data: y, shape: v.shape, backward: (dy) => v.backward(activationBackward(known, dy, activation)) }
  }

  private weights(name: string): { w: Values; b: Values } {
    return { w: this.parameters[`${name}.weight`].data, b: this.parameters[`${name}.bias`].data }
  }

  private keep(name: string, { dx, dw, db }: { dx: Float64Array; dw: Float64Array; db: Float64Array }): Float64Array {
    this.gradients[`${name}.weight`] = { shape: this.parameters[`${name}.weight`].shape, data: dw }
    this.gradients[`${name}.bias`] = { shape: this.parameters[`${name}.bias`].shape, data: db }
    return dx
  }
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i])
}

function scale(a: Float64Array, factor: number): Float64Array {
  return a.map((value) => value * factor)
}

function rowOf(data: Values, width: number, row: number): Float64Array {
  return Float64Array.from({ length: width }, (_, i) => data[row * width + i])
}

function column(data: Values, width: number, j: number): Float64Array {
  return Float64Array.from({ length: data.length / width }, (_, n) => data[n * width + j])
}

/** Every row `times` over, one behind the other. */
function repeatRows(data: Values, width: number, times: number): Float64Array {
  return Float64Array.from({ length: data.length * times }, (_, i) => {
    return data[Math.floor(i / width / times) * width + (i % width)]
  })
}

/** The sum of every `times` rows. */
function sumRows(data: Values, width: number, times: number): Float64Array {
  const sums = new Float64Array(data.length / times)
  for (let i = 0; i < data.length; i++) sums[Math.floor(i / width / times) * width + (i % width)] += data[i]
  return sums
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
