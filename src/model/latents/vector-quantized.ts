import { readName, readWeight } from '../../checks.js'
import { DataError, ShapeError, SpecError } from '../../errors.js'
import { padTo4, type PlanTensor } from '../../ops/dispatch.js'
import {
  codebookAverage,
  codebookBackward,
  codebookGather,
  codebookSum,
  quantizeBackward,
  quantizeForward,
  quantizeNearest,
  type QuantizeShape,
} from '../../ops/quantize.js'
import type { Random } from '../../random.js'
import { asRows, checkFinite, columns, elementCount, type Tensor } from '../../tensor.js'
import { checkElements, readWhole } from '../fields.js'
import type { Graph, Value } from '../graph.js'
import { ConvLayer, convLayer } from '../layers/conv.js'
import { denseLayout } from '../layout.js'
import type { ParameterSpec } from '../parameters.js'
import { describeShape, type ImageShape } from '../shapes.js'
import type { QuantizedLatentSpec } from '../spec.js'
import type { Codes, Drawn, LatentFrame, LatentKind, LatentRows, LayeredLatent, Posterior } from './latent.js'
import { isCodes } from './vector.js'

/** The parameter that holds the codes. */
export const CODEBOOK = 'latent.codebook.weight'
const CODEBOOK_PATH = 'latent.codebook'

/**
 * Vector quantisation (van den Oord et al. 2017): `projection` reads the encoder's last image, and every pixel becomes the
 * nearest of the codes. Gradients pass straight through.
 */
class QuantizedLatent implements LayeredLatent {
  readonly type = 'vector-quantized'
  readonly output: ImageShape
  readonly codebook: { codes: number; size: number }
  readonly noiseWidth = 0
  readonly isRandom = false
  readonly hasKlByDimension = false
  readonly lossName = 'quantization'

  constructor(
    readonly input: ImageShape,
    private readonly projection: ConvLayer,
    codes: number,
    private readonly commitment: number,
    private readonly codebookUpdate: 'gradient' | 'moving-average',
  ) {
    this.output = projection.output
    this.codebook = { codes, size: projection.output.c }
  }

  /** Positions of the latent image, and its values. */
  get encoded() {
    return [{ tensor: 'z', width: padTo4(this.values) }, { tensor: 'codes', width: padTo4(this.positions) }] as const
  }

  /** The 1×1 convolution to the codes' size, and the codes as rows. */
  parameters(): ParameterSpec[] {
    const { codes, size } = this.codebook
    const layout = denseLayout(codes, size, 'plain', 'plain')
    const init = { type: 'uniform', bound: 1 / codes } as const
    return [...this.projection.parameters(), { name: CODEBOOK, shape: [codes, size], init, layout }]
  }

  draw(features: Value, frame: LatentFrame): Drawn {
    const { graph, losses, status, updates, pins } = frame
    const shape = this.shape(features.rows)
    const z = this.projection.forward(features, frame)
    const codes = this.codesOf(graph, pins, z)
    const codebook = graph.arena.parameters(CODEBOOK)
    const y = graph.alike('quantized', z)
    const usage = graph.builder.storage('usage', 'usage', shape.K)
    const t = { z: z.tensor, codes, codebook, y: y.tensor, losses, usage, status }
    graph.push(quantizeForward(t, shape, { commitment: this.commitment, count: updates }))
    graph.record({
      inputs: [z],
      outputs: [y],
      parameters: [CODEBOOK_PATH],
      backward: (pass) => {
        const dy = pass.gradient(y)!
        pass.send(z, 'dz', 'no', ({ dx: dz }) => [
          quantizeBackward({ dy, z: z.tensor, y: y.tensor, dz }, shape, this.commitment),
        ])
        const own = pass.parameter(CODEBOOK_PATH, CODEBOOK)
        if (!own) return
        if (this.codebookUpdate === 'gradient') {
          graph.push(codebookBackward({ z: z.tensor, codes, codebook, dcodebook: own.gradient }, shape))
        } else if (updates) {
          this.average(frame, z.tensor, codes)
        }
      },
    })
    return { z: y }
  }

  posterior(features: Value, { graph, pins }: Pick<LatentFrame, 'graph' | 'pins'>): void {
    const z = this.projection.forward(features, { graph })
    this.codesOf(graph, pins, z)
    this.fromCodes({ graph, pins }, features.rows)
  }

  fromCodes({ graph, pins }: Pick<LatentFrame, 'graph' | 'pins'>, rows: number): Value {
    const codes = pins.get('codes', rows * padTo4(this.positions))
    const y = pins.get('z', rows * padTo4(this.values))
    graph.push(codebookGather({ codes, codebook: graph.arena.parameters(CODEBOOK), y }, this.shape(rows)))
    return { tensor: y, rows, samples: 1, activation: 'linear' }
  }

  readPosterior(rows: number, [vectors, words]: readonly Float32Array[]): Posterior {
    const { h, w, c } = this.output
    const codes = columns(words, rows, padTo4(this.positions), 0, this.positions)
    return {
      mean: { shape: [rows, h, w, c], data: columns(vectors, rows, padTo4(this.values), 0, this.values) },
      codes: { shape: [rows, h, w], data: new Uint32Array(codes.buffer) },
    }
  }

  readLatents(latents: unknown): LatentRows {
    const { h, w, c } = this.output
    if (!isCodes(latents)) {
      const { data, rows } = asRows(latents as Tensor | Float32Array, [h, w, c], 'latents')
      checkFinite(data, 'latents', this.values)
      return { input: 'latents', tensor: 'z', data, rows }
    }
    const { shape, data } = latents instanceof Uint32Array ? { shape: [latents.length], data: latents } : latents
    const rows = data.length / this.positions
    if (rows === 0 || !Number.isInteger(rows) || !Array.isArray(shape) || elementCount(shape) !== data.length) {
      throw new ShapeError(`codes: [${shape}] with ${data.length} values, needs [batch, ${h}, ${w}]`)
    }
    const { codes } = this.codebook
    const bad = data.findIndex((code) => code >= codes)
    if (bad >= 0) {
      throw new DataError(`codes: number ${bad} is ${data[bad]}, needs a whole number from 0 to ${codes - 1}`)
    }
    return { input: 'codes', tensor: 'codes', data: new Float32Array(Uint32Array.from(data).buffer), rows }
  }

  /** `[count, h, w]` codes drawn one by one by how often training chose them, or alike before any training. */
  prior(count: number, random: Random, usage: readonly number[]): Codes {
    const { h, w } = this.output
    const total = usage.reduce((sum, times) => sum + times, 0)
    const draw = () => {
      if (total === 0) return random.integer(this.codebook.codes)
      let left = random.uniform() * total
      return usage.findIndex((times) => (left -= times) < 0)
    }
    return { shape: [count, h, w], data: Uint32Array.from({ length: count * h * w }, draw) }
  }

  private get positions(): number {
    return this.output.h * this.output.w
  }

  private get values(): number {
    return this.positions * this.output.c
  }

  private shape(rows: number): QuantizeShape {
    return { B: rows, P: this.positions, D: this.output.c, K: this.codebook.codes }
  }

  private codesOf(graph: Graph, pins: LatentFrame['pins'], z: Value): PlanTensor {
    const codes = pins.get('codes', z.rows * padTo4(this.positions))
    const t = { z: z.tensor, codebook: graph.arena.parameters(CODEBOOK), codes }
    graph.push(quantizeNearest(t, this.shape(z.rows)))
    return codes
  }

  /** Moves codes that are averages after the update. Pinned, for a batch in slices adds to them slice by slice. */
  private average({ graph, afterUpdate }: LatentFrame, z: PlanTensor, codes: PlanTensor): void {
    const { builder } = graph
    const shape = this.shape(z.elements / padTo4(this.values))
    const K4 = padTo4(shape.K)
    const counts = builder.pin(builder.activation('codebook.counts', K4))
    const sums = builder.pin(builder.activation('codebook.sums', K4 * padTo4(shape.D)))
    graph.push(codebookSum({ z, codes, counts, sums }, shape))
    afterUpdate((status) => {
      const codebook = graph.arena.parameters(CODEBOOK)
      const count = builder.storage('codebook.count', 'codebook.count', K4)
      const mean = builder.storage('codebook.mean', 'codebook.mean', K4 * padTo4(shape.D))
      graph.push(codebookAverage({ z, counts, sums, count, mean, codebook, status }, shape))
    })
  }
}

const UPDATES = ['gradient', 'moving-average'] as const

/** The nearest of learned vectors at every position of an image. */
export const vectorQuantized: LatentKind<QuantizedLatentSpec> = {
  type: 'vector-quantized',
  keys: ['codes', 'size', 'commitment', 'codebookUpdate'],
  read: ({ codes, size, commitment, codebookUpdate: update }) => ({
    type: 'vector-quantized',
    codes: readWhole(codes, 'latent.codes', 1),
    size: readWhole(size, 'latent.size', 1),
    ...(commitment !== undefined && { commitment: readWeight(commitment, 'latent.commitment') }),
    ...(update !== undefined && {
      codebookUpdate: readName(update, 'latent.codebookUpdate', 'codebook update', UPDATES),
    }),
  }),
  resolve({ codes, size, commitment = 0.25, codebookUpdate = 'gradient' }, last, { layers }) {
    if (last.kind === 'vector') {
      throw new SpecError(
        layers > 0 ? `encoder[${layers - 1}]` : 'encoder',
        `a vector-quantized latent needs an encoder that ends in an image, got ${describeShape(last)}`,
      )
    }
    checkElements(codes * size, 'latent.codes', `${codes} codes of ${size}`)
    const place = { path: 'latent.size', name: 'latent.projection' }
    const projection = convLayer({ type: 'conv', filters: size, kernel: 1 }, last, place)
    return { views: [], latent: new QuantizedLatent(last, projection, codes, commitment, codebookUpdate) }
  },
}
