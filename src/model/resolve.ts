import { SpecError } from '../errors.js'
import type { Activation } from '../ops/activation.js'
import { checkElements } from './fields.js'
import { type ConvGeometry, convGeometry, convTransposeGeometry } from './geometry.js'
import {
  describeShape,
  type ImageShape,
  OrderGroups,
  orderOf,
  sameOrder,
  type Shape,
  sizeOf,
  type VectorShape,
} from './shapes.js'
import type {
  ConvSpec,
  ConvTransposeSpec,
  DenseSpec,
  LayerSpec,
  LikelihoodSpec,
  QuantizedLatentSpec,
  VaeSpec,
} from './spec.js'

/** Weights follow the orders of both vectors, see `parameters.ts`. */
export interface ResolvedDense {
  kind: 'dense'
  path: string
  input: VectorShape
  output: VectorShape
  activation: Activation
}

/** A convolution with its padding worked out. */
export interface ResolvedConv {
  kind: 'conv' | 'conv-transpose'
  path: string
  input: ImageShape
  output: ImageShape
  activation: Activation
  geometry: ConvGeometry
}

/** A view: the same storage under another shape. */
export interface ResolvedFlatten {
  kind: 'flatten'
  path: string
  input: ImageShape
  output: VectorShape
}

/** A view: the same storage under another shape. */
export interface ResolvedReshape {
  kind: 'reshape'
  path: string
  input: VectorShape
  output: ImageShape
}

/** The same vector in another order. Place i of the output holds PyTorch's value number n(i), see `channelsOf`. */
export interface ResolvedPermute {
  kind: 'permute'
  path: string
  input: VectorShape
  output: VectorShape
}

/** The one-hot label behind the channels of every pixel, or behind the values of a vector. */
export interface ResolvedCondition {
  kind: 'condition'
  path: string
  input: Shape
  output: Shape
  classes: number
}

/** x + layers(x); input, output and the output of the last inner layer have one shape and one order. */
export interface ResolvedResidual {
  kind: 'residual'
  path: string
  input: Shape
  output: Shape
  layers: ResolvedLayer[]
}

/** `path` is the prefix of the layer's parameters (`encoder.2.0`), and unique among the layers of a model. */
export type ResolvedLayer =
  | ResolvedDense
  | ResolvedConv
  | ResolvedFlatten
  | ResolvedReshape
  | ResolvedPermute
  | ResolvedCondition
  | ResolvedResidual

/** The heads read `input` (the encoder's last vector); the latent vector `output` lies in PyTorch's order. */
export interface ResolvedVectorLatent {
  type: 'gaussian' | 'deterministic'
  input: VectorShape
  output: VectorShape
}

/** `projection` reads the encoder's last image; every pixel of `output` becomes one of the codes. */
export interface ResolvedQuantizedLatent {
  type: 'vector-quantized'
  input: ImageShape
  output: ImageShape
  projection: ResolvedConv
  codes: number
  commitment: number
  codebookUpdate: 'gradient' | 'moving-average'
}

export type ResolvedLatent = ResolvedVectorLatent | ResolvedQuantizedLatent

/** A checked model as plain data. The decoder ends in an image of the input's shape. */
export interface ResolvedModel {
  /** The specification as it was given. */
  spec: VaeSpec
  input: ImageShape
  encoder: ResolvedLayer[]
  latent: ResolvedLatent
  decoder: ResolvedLayer[]
  likelihood: LikelihoodSpec
  klWeight: number
  /** Number of classes of a conditional model. */
  classes?: number
}

/** A layer's place: in messages (`encoder[2].layers[0]`) and in names (`encoder.2.0`). */
interface Place {
  path: string
  name: string
}

/**
 * Shapes of every layer, implicit views written out, the order of every vector.
 * @param spec with every value already checked on its own
 * @throws SpecError where layers do not fit together
 */
export function resolveModel(spec: VaeSpec): ResolvedModel {
  const groups = new OrderGroups()
  const [h, w, c] = spec.input
  const input: ImageShape = { kind: 'image', h, w, c }

  const encoder = conditionedInput(spec, input, groups)
  encoder.push(...resolveLayers(spec.encoder, lastShape(encoder, input), listPlaces('encoder'), groups))
  const { views, latent } = resolveLatent(spec, lastShape(encoder, input), groups)
  encoder.push(...views)

  const code = latent.output
  const decoder = spec.classes ? [condition(code, spec.classes, 'decoder', groups)] : []
  decoder.push(...resolveLayers(spec.decoder, lastShape(decoder, code), listPlaces('decoder'), groups))
  decoder.push(...outputViews(spec, lastShape(decoder, code), input, groups))

  groups.settle()
  return {
    spec,
    input,
    encoder: withPermutes(encoder),
    latent,
    decoder: withPermutes(decoder),
    likelihood: spec.likelihood,
    klWeight: spec.klWeight ?? 1,
    ...(spec.classes && { classes: spec.classes }),
  }
}

/** The latent behind the encoder's last shape, and the views that lead there. */
function resolveLatent(
  { latent, encoder }: VaeSpec,
  last: Shape,
  groups: OrderGroups,
): { views: ResolvedLayer[]; latent: ResolvedLatent } {
  if (latent.type === 'vector-quantized') return { views: [], latent: resolveQuantized(latent, last, encoder.length) }
  const { views, vector } = vectorOf(last, 'latent', groups)
  checkElements(latent.size * vector.size, 'latent.size', 'weights of the head')
  return { views, latent: { type: latent.type, input: vector, output: groups.add(latent.size, 'plain') } }
}

function resolveQuantized(spec: QuantizedLatentSpec, input: Shape, layers: number): ResolvedQuantizedLatent {
  const { type, codes, size, commitment = 0.25, codebookUpdate = 'gradient' } = spec
  if (input.kind === 'vector') {
    throw new SpecError(
      layers > 0 ? `encoder[${layers - 1}]` : 'encoder',
      `a vector-quantized latent needs an encoder that ends in an image, got ${describeShape(input)}`,
    )
  }
  checkElements(codes * size, 'latent.codes', `${codes} codes of ${size}`)
  const place = { path: 'latent.size', name: 'latent.projection' }
  const projection = resolveConv({ type: 'conv', filters: size, kernel: 1 }, input, place)
  return { type, input, output: projection.output, projection, codes, commitment, codebookUpdate }
}

function resolveLayers(specs: LayerSpec[], input: Shape, placeOf: (i: number) => Place, groups: OrderGroups) {
  const layers: ResolvedLayer[] = []
  specs.forEach((spec, i) => layers.push(...resolveLayer(spec, lastShape(layers, input), placeOf(i), groups)))
  return layers
}

function resolveLayer(spec: LayerSpec, input: Shape, place: Place, groups: OrderGroups): ResolvedLayer[] {
  switch (spec.type) {
    case 'dense':
      return resolveDense(spec, input, place, groups)
    case 'conv':
    case 'conv-transpose':
      return [resolveConv(spec, input, place)]
    case 'flatten':
      return input.kind === 'image' ? [flatten(input, place.name, groups)] : []
    case 'reshape':
      return resolveReshape(spec.shape, input, place, groups)
    case 'residual':
      return [resolveResidual(spec.layers, input, place, groups)]
  }
}

function resolveDense(spec: DenseSpec, input: Shape, { path, name }: Place, groups: OrderGroups): ResolvedLayer[] {
  const { views, vector } = vectorOf(input, name, groups)
  checkElements(spec.units * vector.size, `${path}.units`, `${spec.units} × ${vector.size} weights`)
  const output = groups.add(spec.units)
  return [...views, { kind: 'dense', path: name, input: vector, output, activation: spec.activation ?? 'linear' }]
}

function resolveConv(spec: ConvSpec | ConvTransposeSpec, input: Shape, { path, name }: Place): ResolvedConv {
  const { type, filters, kernel, activation = 'linear' } = spec
  if (input.kind === 'vector') {
    throw new SpecError(path, `${type} needs an image, got ${describeShape(input)}; put a reshape before it`)
  }
  const geometry = type === 'conv' ? convGeometry(spec, input, path) : convTransposeGeometry(spec, input, path)
  const [h, w] = type === 'conv' ? [geometry.Ho, geometry.Wo] : [geometry.H, geometry.W]
  checkElements(filters * input.c * kernel * kernel, path, `${filters} × ${input.c} × ${kernel} × ${kernel} weights`)
  checkElements(h * w * filters, path, `an output of ${h} × ${w} × ${filters}`)
  return { kind: type, path: name, input, output: { kind: 'image', h, w, c: filters }, activation, geometry }
}

function resolveReshape(
  [h, w, c]: number[],
  input: Shape,
  { path, name }: Place,
  groups: OrderGroups,
): ResolvedLayer[] {
  const size = sizeOf(input)
  if (size !== h * w * c) {
    const came = input.kind === 'image' ? `${size} = ${input.h} × ${input.w} × ${input.c}` : size
    throw new SpecError(`${path}.shape`, `needs ${h * w * c} = ${h} × ${w} × ${c} values, got ${came}`)
  }
  const { views, vector } = vectorOf(input, name, groups)
  return [...views, reshape(vector, { kind: 'image', h, w, c }, name, groups)]
}

function resolveResidual(
  specs: LayerSpec[],
  input: Shape,
  { path, name }: Place,
  groups: OrderGroups,
): ResolvedResidual {
  const layers = resolveLayers(specs, input, (i) => ({ path: `${path}.layers[${i}]`, name: `${name}.${i}` }), groups)
  if (layers.every(({ kind }) => kind === 'flatten' || kind === 'reshape')) {
    throw new SpecError(`${path}.layers`, 'a residual needs at least one layer with parameters')
  }
  const inner = lastShape(layers, input)
  if (inner.kind !== input.kind || describeShape(inner) !== describeShape(input)) {
    throw new SpecError(
      path,
      `adds its input, ${describeShape(input)}, to what its layers yield, ${describeShape(inner)}`,
    )
  }
  if (inner.kind === 'image' || input.kind === 'image')
    return { kind: 'residual', path: name, input, output: inner, layers }
  const output = groups.add(input.size)
  groups.join(input, inner)
  groups.join(input, output)
  return { kind: 'residual', path: name, input, output, layers }
}

/** The label joins an encoder that begins with images as planes, any other as the end of the input vector. */
function conditionedInput(spec: VaeSpec, input: ImageShape, groups: OrderGroups): ResolvedLayer[] {
  if (!spec.classes) return []
  const first = spec.encoder[0]?.type
  if (first === 'conv' || first === 'conv-transpose' || first === 'residual') {
    return [condition(input, spec.classes, 'encoder', groups)]
  }
  // PyTorch's order throughout, so that the label's values lie behind the image's whatever the channels.
  const output = groups.add(sizeOf(input), 'plain')
  const view: ResolvedFlatten = { kind: 'flatten', path: 'encoder.flatten', input, output }
  return [view, condition(output, spec.classes, 'encoder', groups)]
}

function condition(input: Shape, classes: number, path: string, groups: OrderGroups): ResolvedLayer {
  const kind = 'condition'
  const name = `${path}.condition`
  if (input.kind === 'image') {
    return { kind, path: name, input, output: { ...input, c: input.c + classes }, classes }
  }
  return { kind, path: name, input, output: groups.add(input.size + classes, 'plain'), classes }
}

/** What turns the decoder's last shape into the image it is compared with. */
function outputViews(spec: VaeSpec, last: Shape, input: ImageShape, groups: OrderGroups): ResolvedLayer[] {
  const end = spec.decoder.length - 1
  const path = end < 0 ? 'decoder' : `decoder[${end}]`
  const size = sizeOf(last)
  if (size !== sizeOf(input)) {
    throw new SpecError(
      spec.decoder[end]?.type === 'dense' ? `${path}.units` : path,
      `the decoder ends in ${describeShape(last)}, needs ${sizeOf(input)} values as the input, ${describeShape(input)}`,
    )
  }
  if (last.kind === 'vector') return [reshape(last, input, 'output', groups)]
  if (describeShape(last) === describeShape(input)) return []
  throw new SpecError(
    path,
    `the decoder ends in ${describeShape(last)}, needs the input's, ${describeShape(input)}; ` +
      'put a reshape last if its values count in the order (channel, row, column)',
  )
}

function flatten(input: ImageShape, path: string, groups: OrderGroups): ResolvedFlatten {
  return { kind: 'flatten', path, input, output: groups.add(sizeOf(input), orderOf(input)) }
}

function reshape(input: VectorShape, output: ImageShape, path: string, groups: OrderGroups): ResolvedReshape {
  groups.demand(input, orderOf(output))
  return { kind: 'reshape', path, input, output }
}

/** A vector as it is, an image through a flatten that the specification leaves out. */
function vectorOf(shape: Shape, name: string, groups: OrderGroups): { views: ResolvedLayer[]; vector: VectorShape } {
  if (shape.kind === 'vector') return { views: [], vector: shape }
  const view = flatten(shape, `${name}.flatten`, groups)
  return { views: [view], vector: view.output }
}

/** Once orders are settled: a permutation behind every flatten and before every reshape whose vector lies otherwise. */
function withPermutes(layers: ResolvedLayer[]): ResolvedLayer[] {
  return layers.flatMap((layer): ResolvedLayer[] => {
    if (layer.kind === 'residual') return [{ ...layer, layers: withPermutes(layer.layers) }]
    if (layer.kind === 'flatten') {
      const order = orderOf(layer.input)
      if (sameOrder(order, layer.output.order)) return [layer]
      const seen = { ...layer.output, order }
      return [
        { ...layer, output: seen },
        { kind: 'permute', path: `${layer.path}.permute`, input: seen, output: layer.output },
      ]
    }
    if (layer.kind === 'reshape') {
      const order = orderOf(layer.output)
      if (sameOrder(order, layer.input.order)) return [layer]
      const needed = { ...layer.input, order }
      return [
        { kind: 'permute', path: `${layer.path}.permute`, input: layer.input, output: needed },
        { ...layer, input: needed },
      ]
    }
    return [layer]
  })
}

function lastShape(layers: ResolvedLayer[], input: Shape): Shape {
  return layers.at(-1)?.output ?? input
}

function listPlaces(list: string): (i: number) => Place {
  return (i) => ({ path: `${list}[${i}]`, name: `${list}.${i}` })
}
