import type { LayerSpec, VaeSpec } from '../../src/model/spec.js'
import type { Activation } from '../../src/ops/activation.js'
import { activationBackward, activationForward, sigmoid } from './activation.js'
import { bernoulliBackward, bernoulliForward } from './bernoulli.js'
import { convBackward, convForward } from './conv.js'
import { convTransposeBackward, convTransposeForward } from './conv-transpose.js'
import { denseBackward, denseForward } from './dense.js'
import { flatten, unflatten } from './flatten.js'
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

/** The loss of a model on images (B, H, W, C) with the given noise (B, Z), which a deterministic model ignores. */
export function referenceLoss(
  spec: VaeSpec,
  parameters: Parameters,
  images: Values,
  noise: Values = [],
): ReferenceLoss {
  return evaluate(spec, parameters, images, noise).loss
}

/** The loss and its gradient with respect to every parameter. */
export function referenceGradients(spec: VaeSpec, parameters: Parameters, images: Values, noise: Values = []) {
  const { loss, backward } = evaluate(spec, parameters, images, noise)
  return { loss, gradients: backward() }
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

function evaluate(spec: VaeSpec, parameters: Parameters, images: Values, noise: Values) {
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
  const loss = { total: reconstruction + klWeight * kl, reconstruction, kl }

  const backward = () => {
    const dLogits = scale(bernoulliBackward(logits.data, images), 1 / B)
    const dz = decoded.backward(logits.backward(dLogits))
    if (!logVariance) {
      hidden.backward(mean.backward(dz))
      return pass.gradients
    }
    const fromSample = reparameterizeBackward(dz, logVariance.data, noise)
    const fromKl = klBackward(mean.data, logVariance.data)
    const dMean = add(fromSample.dMean, scale(fromKl.dMean, klWeight / B))
    const dLogVariance = add(fromSample.dLogVariance, scale(fromKl.dLogVariance, klWeight / B))
    hidden.backward(add(mean.backward(dMean), logVariance.backward(dLogVariance)))
    return pass.gradients
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
        return { data: add(x.data, inner.data), shape: x.shape, backward: (dy) => add(dy, inner.backward(dy)) }
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
    return { data: y, shape: v.shape, backward: (dy) => v.backward(activationBackward(y, dy, activation)) }
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
