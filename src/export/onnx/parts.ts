import { SpecError } from '../../errors.js'
import { OnnxGraph, type Value } from '../../formats/onnx/graph.js'
import type { VaeSpec } from '../../model/spec.js'
import type { Tensor } from '../../tensor.js'
import { labelPlace, networksOf, type Networks } from '../networks.js'
import { OnnxDraw } from './draw.js'
import { channelsFirst, imagesOf, oneHot, withPlanes } from './images.js'
import { encoded, latentShape, vectorsOf, type Encoded, type PosteriorOutput } from './latents.js'
import { OnnxLayers } from './layers.js'

/** What of a model is exported: what `encode`, `decode`, `reconstruct` or `classify` computes. */
export const PARTS = ['encoder', 'decoder', 'reconstruct', 'classifier'] as const
export type Part = (typeof PARTS)[number]

/**
 * One part of a model as an ONNX file.
 * @param parameters under PyTorch's names, in its shapes
 * @throws SpecError for a classifier where there is none; FormatError for a model that is too large for a file
 */
export function onnxFile(spec: VaeSpec, parameters: Record<string, Tensor>, part: Part): Uint8Array<ArrayBuffer> {
  if (part === 'classifier' && !spec.classifier) {
    throw new SpecError('exportOnnx.part', 'this model has no classifier; take "encoder", "decoder" or "reconstruct"')
  }
  const export_ = new PartExport(spec, parameters)
  export_[part]()
  const metadata = { 'elbo.part': part, 'elbo.spec': JSON.stringify(spec) }
  return export_.graph.file(part, DESCRIPTIONS[part], metadata)
}

const DESCRIPTIONS: Record<Part, string> = {
  encoder: 'The posterior q(z|x) of images, as vae.encode gives it.',
  decoder: 'Images of latents, as vae.decode gives them.',
  reconstruct: 'Images decoded from the posterior mean of images, as vae.reconstruct gives them.',
  classifier: 'The probability of every class of images, as vae.classify gives it.',
}

/** The graph of one part, from its inputs to its outputs. */
class PartExport {
  readonly graph = new OnnxGraph()
  private readonly layers: OnnxLayers
  private readonly networks: Networks
  private readonly imageType

  constructor(
    private readonly spec: VaeSpec,
    parameters: Record<string, Tensor>,
  ) {
    this.layers = new OnnxLayers(this.graph, parameters)
    this.networks = networksOf(spec)
    this.imageType = { elements: 'float', dims: ['batch', ...spec.input] } as const
  }

  encoder(): void {
    const x = this.images()
    if (this.spec.recurrent) return this.posterior(new OnnxDraw(this.spec, this.layers, x).encode(x).outputs)
    this.posterior(this.encode(x, this.label()).outputs)
  }

  decoder(): void {
    const { graph, spec, layers, networks } = this
    if (spec.latent.type === 'vector-quantized') {
      const dims = ['batch', ...latentShape(spec.latent, networks.encoder.output)] as const
      const meaning = `codes, whole numbers from 0 to ${spec.latent.codes - 1}`
      const codes = graph.input('codes', { elements: 'int64', dims, meaning })
      return this.shown('images', this.decode(vectorsOf(codes, layers).image))
    }
    const steps = spec.recurrent ? [spec.recurrent.steps] : []
    const meaning = spec.recurrent ? 'z of every step' : 'z'
    const latents = graph.input('latents', { elements: 'float', dims: ['batch', ...steps, spec.latent.size], meaning })
    if (spec.recurrent) return this.shown('images', new OnnxDraw(spec, layers, latents).decode(latents))
    this.shown('images', this.decode(latents, this.label()))
  }

  reconstruct(): void {
    const x = this.images()
    if (this.spec.recurrent) {
      return this.shown('reconstruction', new OnnxDraw(this.spec, this.layers, x).encode(x).canvas)
    }
    const label = this.label()
    this.shown('reconstruction', this.decode(this.encode(x, label).latent, label))
  }

  classifier(): void {
    const { graph, spec, layers, networks } = this
    const logits = layers.all(networks.classifier!.layers, this.images())
    const probabilities = graph.node('Softmax', 'classifier.softmax', [logits], { axis: 1 })
    const meaning = 'q(y|x) of every class'
    graph.output('probabilities', probabilities, { elements: 'float', dims: ['batch', spec.classes!], meaning })
  }

  private images(): Value {
    const range = this.spec.likelihood.type === 'gaussian' ? 'finite numbers' : 'values in [0, 1]'
    const meaning = `images [batch, height, width, channels], ${range}`
    return channelsFirst(this.graph, this.graph.input('images', { ...this.imageType, meaning }))
  }

  /** One-hot, of a conditional model. */
  private label(): Value | undefined {
    const { graph, spec: { classes } } = this
    if (!classes) return undefined
    const meaning = `one class an image, whole numbers from 0 to ${classes - 1}`
    return oneHot(graph, graph.input('labels', { elements: 'int64', dims: ['batch'], meaning }), classes)
  }

  private encode(x: Value, label: Value | undefined): Encoded {
    const { spec, layers, networks: { encoder } } = this
    return encoded(spec.latent, layers.all(encoder.layers, this.labelled(x, label)), encoder.output, layers)
  }

  /** @param z a vector, or the image of the chosen vectors */
  private decode(z: Value, label?: Value): Value {
    const { graph, layers, networks: { decoder } } = this
    const joint = label ? graph.node('Concat', 'decoder.labelled', [z, label], { axis: 1 }) : z
    return layers.all(decoder.layers, joint)
  }

  private labelled(x: Value, label: Value | undefined): Value {
    const { graph, spec } = this
    if (!label) return x
    if (labelPlace(spec) === 'planes') return withPlanes(graph, x, label, spec)
    const flat = graph.node('Flatten', 'images.flat', [x], { axis: 1 })
    return graph.node('Concat', 'encoder.labelled', [flat, label], { axis: 1 })
  }

  private posterior(outputs: readonly PosteriorOutput[]): void {
    for (const { name, value, elements, shape, meaning } of outputs) {
      this.graph.output(name, value, { elements, dims: ['batch', ...shape], meaning })
    }
  }

  private shown(name: string, output: Value): void {
    const meaning = 'images [batch, height, width, channels], the mean of p(x|z)'
    this.graph.output(name, imagesOf(this.graph, this.spec, output), { ...this.imageType, meaning })
  }
}

