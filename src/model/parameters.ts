import { Random, STREAMS } from '../random.js'
import { elementCount, type Tensor } from '../tensor.js'
import { denseLayout, innerElements, type Layout, vectorLayout } from './layout.js'
import type { VectorShape } from './shapes.js'

/** Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010), uniform in ±bound, or one number. */
export type Init =
  | { type: 'glorot-uniform'; fanIn: number; fanOut: number }
  | { type: 'uniform'; bound: number }
  | { type: 'zeros' }
  | { type: 'ones' }

/** A parameter as PyTorch would name and shape it, and how it lies inside. */
export interface ParameterSpec {
  name: string
  shape: number[]
  init: Init
  layout: Layout
  /** Lies in the arena right after the parameter of this name, so that one matrix product can read both. */
  behind?: string
  /** What PyTorch calls a buffer: part of the model and of its file, but no optimiser moves it. */
  buffer?: true
}

/** Where parameters lie in an arena, in 32-bit elements. */
export interface Placement {
  offsets: Record<string, number>
  /** Length of the arena. */
  elements: number
  /** Length of its first part, which holds what optimisers move; buffers come after it. */
  trained: number
}

/** Arenas are bound at multiples of 256 bytes. */
const ALIGNMENT = 64

/** Number of trained values, padding not counted. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape, buffer }) => (buffer ? sum : sum + elementCount(shape)), 0)
}

/**
 * Gives every parameter its place, a multiple of 64 elements unless it lies `behind` another one; a buffer `behind`
 * another one follows it at a multiple of 4.
 */
export function placeParameters(specs: readonly ParameterSpec[]): Placement {
  const offsets: Record<string, number> = {}
  let end = 0
  const place = (group: readonly ParameterSpec[]) => {
    for (const first of group) {
      if (first.behind !== undefined) continue
      for (const spec of [first, ...group.filter(({ behind }) => behind === first.name)]) {
        offsets[spec.name] = end
        end += innerElements(spec.layout)
      }
      end = Math.ceil(end / ALIGNMENT) * ALIGNMENT
    }
  }
  place(specs.filter(({ buffer }) => !buffer))
  const trained = end
  place(specs.filter(({ buffer }) => buffer))
  return { offsets, elements: end, trained }
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
  if (init.type === 'ones') return data.fill(1)
  const bound = init.type === 'uniform' ? init.bound : Math.sqrt(6 / (init.fanIn + init.fanOut))
  for (let i = 0; i < data.length; i++) data[i] = random.between(-bound, bound)
  return data
}

/** Weight `[O, I]` and bias `[O]` of a dense layer. */
export function denseParameters(path: string, input: VectorShape, output: VectorShape): ParameterSpec[] {
  const [O, I] = [output.size, input.size]
  return [
    {
      name: `${path}.weight`,
      shape: [O, I],
      init: { type: 'glorot-uniform', fanIn: I, fanOut: O },
      layout: denseLayout(O, I, output.order, input.order),
    },
    vectorParameter(`${path}.bias`, output),
  ]
}

/** One value per feature of a vector, zeros at first unless given. */
export function vectorParameter(
  name: string,
  { size, order }: Pick<VectorShape, 'size' | 'order'>,
  init: Init = { type: 'zeros' },
): ParameterSpec {
  return { name, shape: [size], init, layout: vectorLayout(size, order) }
}
