import type { Vae } from '../src/index.js'
import { toBytes, toFloats } from '../src/tools/drawing/bytes.js'
import { decodeGrid, gridOf, gridSide, styleGrid, type LatentGrid } from '../src/tools/drawing/grids.js'
import { gather, oneOfEach } from '../src/tools/drawing/images.js'
import { normals } from '../src/tools/drawing/random.js'
import { originalCount, type DataPair } from './data.js'
import type { Condition, Landing, Pictures, Point, Probed } from './messages.js'
import { Projection } from './projection.js'
import type { Views } from './views.js'

const mostPoints = 1_000
const fewestPoints = 200
/** As many points are encoded as lets a set of pictures take about this long. */
const pictureMs = 300
/** Rows of a conditional model's grid. */
const styleCount = 10

/** Of a model whose latent is a vector: the plane of its codes, and what it decodes. */
export class LatentViews implements Views {
  private readonly projection: Projection
  private readonly grid: LatentGrid | 'styles'
  private readonly originals: number[]
  private readonly originalImages: Float32Array
  private readonly pointImages: Float32Array
  private readonly imageSize: number
  private pointCount = fewestPoints
  private label = 0
  private styleSeed = 0

  constructor(
    private readonly vae: Vae,
    private readonly data: DataPair,
  ) {
    const { latent, classes } = vae.spec
    this.projection = new Projection(latent.size)
    this.grid = classes === undefined ? gridOf(vae.spec) : 'styles'
    this.originals = oneOfEach(data.test, originalCount)
    this.originalImages = gather(data.test, this.originals)
    this.imageSize = data.test.shape.reduce((product, n) => product * n, 1)
    this.pointImages = toFloats(data.test.images.subarray(0, mostPoints * this.imageSize))
  }

  describe() {
    const { data, originals, grid, vae } = this
    return {
      grid,
      gridColumns: vae.spec.classes ?? gridSide,
      codes: undefined,
      originals: toBytes(gather(data.test, originals)),
      originalLabels: this.originalLabels,
      labels: data.test.labels?.slice(0, mostPoints),
    }
  }

  condition({ label, styleSeed }: Condition): void {
    this.label = label
    this.styleSeed = styleSeed
  }

  async pictures(): Promise<Pictures> {
    const { vae, data, pointCount, pointImages, imageSize } = this
    const begunMs = performance.now()
    const [reconstructions, grid, codes] = await Promise.all([
      vae.reconstruct(this.originalImages, this.labelled(this.originalLabels)),
      this.gridImages(),
      vae.encode(
        pointImages.subarray(0, pointCount * imageSize),
        this.labelled(data.test.labels?.subarray(0, Math.min(pointCount, data.test.count))),
      ),
    ])
    const affordable = (pointCount * pictureMs) / (performance.now() - begunMs)
    this.pointCount = Math.round(Math.max(fewestPoints, Math.min(mostPoints, pointCount * 2, affordable)))
    this.projection.fit(codes.mean.data)
    return {
      reconstructions: toBytes(reconstructions.data),
      grid: toBytes(grid.data),
      points: this.projection.project(codes.mean.data),
    }
  }

  async probe(at: Point): Promise<Probed> {
    const image = await this.vae.decode(this.projection.lift(at), this.labelled([this.label]))
    return { at, image: toBytes(image.data) }
  }

  async land(pixels: Float32Array): Promise<Landing> {
    const { vae, projection } = this
    const { mean, logVariance } = await vae.encode(pixels, this.labelled([this.label]))
    const { latents, labels } = styleGrid(mean.data, vae.spec.latent.size, vae.spec.classes ?? 1)
    const images = await vae.decode(latents, this.labelled(labels))
    const [x, y] = projection.project(mean.data)
    const deviation = logVariance && projection.deviation(logVariance.data)
    return { at: [x, y], deviation, images: toBytes(images.data) }
  }

  private get originalLabels(): number[] {
    return this.originals.flatMap((index) => this.data.test.labels?.[index] ?? [])
  }

  /** Labels go only to a model that is conditional. */
  private labelled(labels: readonly number[] | Uint8Array | undefined) {
    return this.vae.spec.classes === undefined ? {} : { labels }
  }

  private async gridImages() {
    const { vae, grid } = this
    const { latent, classes } = vae.spec
    if (grid !== 'styles') return decodeGrid(vae, grid, this.originalImages)
    const { latents, labels } = styleGrid(normals(styleCount * latent.size, this.styleSeed), latent.size, classes!)
    return vae.decode(latents, { labels })
  }
}
