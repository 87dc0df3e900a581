import { CONV_WEIGHT_AXES } from '../ops/conv.js'
import { Random, STREAMS } from '../random.js'
import { elementCount, type Tensor } from '../tensor.js'
import { convLayout, denseLayout, innerElements, type Layout, vectorLayout } from './layout.js'
import type { ResolvedConv, ResolvedDense, ResolvedLayer, ResolvedModel, ResolvedQuantizedLatent } from './resolve.js'
import type { VectorShape } from './shapes.js'

/** Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010), uniform in ±bound, or zeros. */
export type Init =
  | { type: 'glorot-uniform'; fanIn: number; fanOut: number }
  | { type: 'uniform'; bound: number }
  | { type: 'zeros' }

/** A parameter as PyTorch would name and shape it, and how it lies inside. */
export interface ParameterSpec {
  name: string
  shape: number[]
  init: Init
  layout: Layout
  /** Lies in the arena right behind the parameter of this name, so that one matrix product can read both. */
  behind?: string
}

/** The parameter that holds the codes of a vector-quantised model. */
export const CODEBOOK = 'latent.codebook.weight'

/** Where parameters lie in an arena, in 32-bit elements. */
export interface Placement {
  offsets: Record<string, number>
  /** Length of the arena. */
  elements: number
}

/** Arenas are bound at multiples of 256 bytes. */
const ALIGNMENT = 64

/** Every parameter of a model: encoder, heads, decoder, each weight before its bias, then the likelihood's variance. */
export function parameterSpecs(model: ResolvedModel): ParameterSpec[] {
  const layers = [...layerParameters(model.encoder), ...headParameters(model), ...layerParameters(model.decoder)]
  return [...layers, ...likelihoodParameters(model)]
}

/** Number of values, padding not counted. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elementCount(shape), 0)
}

/** Gives every parameter its place, a multiple of 64 elements unless it lies `behind` another one. */
export function placeParameters(specs: readonly ParameterSpec[]): Placement {
  const offsets: Record<string, number> = {}
  let end = 0
  for (const first of specs) {
    if (first.behind !== undefined) continue
    for (const spec of [first, ...specs.filter(({ behind }) => behind === first.name)]) {
      offsets[spec.name] = end
      end += innerElements(spec.layout)
    }
    end = Math.ceil(end / ALIGNMENT) * ALIGNMENT
  }
  return { offsets, elements: end }
}

/**
 * The values a model starts from, by name, in PyTorch's shapes: parameter number `i` draws from position `i` of the
 * seed's `INIT` stream, so that they depend on the specification and the seed alone.
 * @throws SpecError when the seed is not a whole number from 0 to 2⁵³ − 1
 */
export function initialParameters(specs: readonly ParameterSpec[], seed: number): Record<string, Tensor> {
  return Object.fromEntries(
    specs.map(({ name, shape, init }, i) => [name, { shape: [...shape], data: draw(init, shape, seed, i) }]),
  )
}

function draw(init: Init, shape: number[], seed: number, position: number): Float32Array {
  const data = new Float32Array(elementCount(shape))
  const random = new Random(seed, STREAMS.INIT, position)
  if (init.type === 'zeros') return data
  const bound = init.type === 'uniform' ? init.bound : Math.sqrt(6 / (init.fanIn + init.fanOut))
  for (let i = 0; i < data.length; i++) data[i] = random.between(-bound, bound)
  return data
}

function layerParameters(layers: readonly ResolvedLayer[]): ParameterSpec[] {
  return layers.flatMap((layer) => {
    switch (layer.kind) {
      case 'dense':
        return denseParameters(layer)
      case 'conv':
      case 'conv-transpose':
        return convParameters(layer)
      case 'residual':
        return layerParameters(layer.layers)
      default:
        return []
    }
  })
}

/** Weight `[O, I]` and bias `[O]`. */
function denseParameters({ path, input, output }: Pick<ResolvedDense, 'path' | 'input' | 'output'>): ParameterSpec[] {
  const [O, I] = [output.size, input.size]
  return [
    {
      name: `${path}.weight`,
      shape: [O, I],
      init: { type: 'glorot-uniform', fanIn: I, fanOut: O },
      layout: denseLayout(O, I, output.order, input.order),
    },
    biasParameter(path, output),
  ]
}

/** Weight `[out, in, kh, kw]`, transposed `[in, out, kh, kw]`, with PyTorch's fans of that shape, and bias `[out]`. */
function convParameters({ kind, path, input, output, geometry: { Kh, Kw } }: ResolvedConv): ParameterSpec[] {
  const shape = kind === 'conv' ? [output.c, input.c, Kh, Kw] : [input.c, output.c, Kh, Kw]
  return [
    {
      name: `${path}.weight`,
      shape,
      init: { type: 'glorot-uniform', fanIn: shape[1] * Kh * Kw, fanOut: shape[0] * Kh * Kw },
      layout: convLayout(shape, CONV_WEIGHT_AXES),
    },
    biasParameter(path, { kind: 'vector', size: output.c, order: 'plain' }),
  ]
}

function biasParameter(path: string, { size, order }: VectorShape): ParameterSpec {
  return { name: `${path}.bias`, shape: [size], init: { type: 'zeros' }, layout: vectorLayout(size, order) }
}

/**
 * A dense head for the mean and one for the log-variance, whose weight and bias lie right behind the first one's:
 * together one dense layer of 2 · P4(Z) rows, the means first.
 */
function headParameters({ latent }: ResolvedModel): ParameterSpec[] {
  if (latent.type === 'vector-quantized') return quantizerParameters(latent)
  const { type, input, output } = latent
  const mean = denseParameters({ path: 'latent.mean', input, output })
  if (type === 'deterministic') return mean
  const logVariance = denseParameters({ path: 'latent.log_variance', input, output })
  return [...mean, ...logVariance.map((spec, i) => ({ ...spec, behind: mean[i].name }))]
}

/** The 1×1 convolution to the codes' size, and the codes as rows. */
function quantizerParameters({ projection, codes, output: { c } }: ResolvedQuantizedLatent): ParameterSpec[] {
  const codebook: ParameterSpec = {
    name: CODEBOOK,
    shape: [codes, c],
    init: { type: 'uniform', bound: 1 / codes },
    layout: denseLayout(codes, c, 'plain', 'plain'),
  }
  return [...convParameters(projection), codebook]
}

/** The log-variance that a Gaussian likelihood learns: one number, 0 at first. */
function likelihoodParameters({ likelihood }: ResolvedModel): ParameterSpec[] {
  if (likelihood.type !== 'gaussian' || likelihood.variance !== 'learned') return []
  const layout = vectorLayout(1, 'plain')
  return [{ name: 'likelihood.log_variance', shape: [1], init: { type: 'zeros' }, layout }]
}
