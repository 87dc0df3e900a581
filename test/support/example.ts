import { glyphs } from '../../src/data/glyphs.js'
import type { VaeSpec } from '../../src/model/spec.js'
import type { Tensor } from '../../src/tensor.js'
import { formulaModel } from '../fixtures.js'
import { hash, normalArray, seedOf } from '../reference/formula.js'

/** A model with parameters, and what goes into it. */
export interface Example {
  spec: VaeSpec
  parameters: Record<string, Tensor>
  /** `[count, height, width, channels]`: drawn digits. */
  images: Tensor
  /** Of a conditional model. */
  labels?: number[]
  /** What `decode` takes; of a vector-quantised model codes, as floats. */
  latents: Tensor
}

/** The same for the same arguments; statistics of batch normalisation are not far from 1. */
export function exampleOf(spec: VaeSpec, count: number, given?: Record<string, Tensor>): Example {
  const parameters = given ?? formulaModel(spec, 7)
  if (!given) {
    for (const [name, { shape, data }] of Object.entries(parameters)) {
      const isScale = (name.endsWith('.weight') && shape.length === 1) || name.endsWith('.running_var')
      if (isScale) data.forEach((value, c) => (data[c] = value + 1))
    }
  }
  const labels = spec.classes && Array.from({ length: count }, (_, n) => hash(n, seedOf('label', 7)) % spec.classes!)
  return { spec, parameters, images: digits(spec, count), latents: latentsOf(spec, count), ...(labels && { labels }) }
}

/** Drawn digits sampled to the size of the model's images; channels differ in brightness. */
function digits({ input: [h, w, c] }: VaeSpec, count: number): Tensor {
  const set = glyphs({ count, seed: 3 })
  const [height, width] = set.shape
  const data = new Float32Array(count * h * w * c)
  for (let i = 0; i < data.length; i++) {
    const [n, y, x, k] = [Math.floor(i / (h * w * c)), Math.floor(i / (w * c)) % h, Math.floor(i / c) % w, i % c]
    const from = Math.floor(((y + 0.5) * height) / h) * width + Math.floor(((x + 0.5) * width) / w)
    data[i] = ((set.images[n * height * width + from] / 255) * (c + k)) / (2 * c - 1)
  }
  return { shape: [count, h, w, c], data }
}

function latentsOf({ latent, recurrent, input, encoder }: VaeSpec, count: number): Tensor {
  if (latent.type !== 'vector-quantized') {
    const shape = [count, ...(recurrent ? [recurrent.steps] : []), latent.size]
    return { shape, data: normalArray(shape.reduce((a, b) => a * b), seedOf('latents', 7)) }
  }
  const stride = encoder.reduce((product, layer) => product * ('stride' in layer ? (layer.stride ?? 1) : 1), 1)
  const shape = [count, Math.ceil(input[0] / stride), Math.ceil(input[1] / stride)]
  const values = shape.reduce((a, b) => a * b)
  return { shape, data: Float32Array.from({ length: values }, (_, i) => hash(i, seedOf('codes', 7)) % latent.codes) }
}
