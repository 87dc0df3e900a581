import type { Codes, Vae } from '../src/index.js'
import { toBytes } from '../src/tools/drawing/bytes.js'
import { originalCount, type DataPair } from './data.js'
import { gather, oneOfEach } from '../src/tools/drawing/images.js'
import type { Landing, Pictures, Point, Probed } from './messages.js'
import type { Views } from './views.js'

/** Samples a side of the grid: the engine serves up to 32 images at once. */
const sampleSide = 5
const sampleSeed = 1

/** Of a vector-quantised model: the codes of an image, what a code draws, and images of independent codes. */
export class CodeViews implements Views {
  private readonly originals: number[]
  private readonly originalImages: Float32Array
  private placed: Codes | undefined

  constructor(
    private readonly vae: Vae,
    private readonly data: DataPair,
  ) {
    this.originals = oneOfEach(data.test, originalCount)
    this.originalImages = gather(data.test, this.originals)
  }

  describe() {
    const { data, originals, vae } = this
    const { latent } = vae.spec
    // Two convolutions of stride 2 come before the codes.
    const [height, width] = data.test.shape.map((side) => side / 4)
    return {
      grid: 'codes' as const,
      gridColumns: sampleSide,
      codes: { count: latent.type === 'vector-quantized' ? latent.codes : 0, height, width },
      originals: toBytes(gather(data.test, originals)),
      originalLabels: originals.flatMap((index) => data.test.labels?.[index] ?? []),
      labels: undefined,
    }
  }

  condition(): void {}

  async pictures(): Promise<Pictures> {
    const [reconstructions, grid] = await Promise.all([
      this.vae.reconstruct(this.originalImages),
      this.vae.sample(sampleSide * sampleSide, { seed: sampleSeed }),
    ])
    return { reconstructions: toBytes(reconstructions.data), grid: toBytes(grid.data), points: new Float32Array() }
  }

  /** An image that has the placed image's code of this place everywhere. */
  async probe([column, row]: Point): Promise<Probed | undefined> {
    if (!this.placed) return undefined
    const { shape, data } = this.placed
    const code = data[row * shape[2] + column]
    const image = await this.vae.decode(new Uint32Array(data.length).fill(code))
    return { at: [column, row], image: toBytes(image.data) }
  }

  async land(pixels: Float32Array): Promise<Landing> {
    const { codes } = await this.vae.encode(pixels)
    this.placed = codes
    const image = await this.vae.decode(codes!)
    return { codes: codes!.data.slice(), images: toBytes(image.data) }
  }
}
