import type { Vae } from '../src/index.js'
import { toBytes, toFloats } from './bytes.js'
import { gather, oneOfEach, type DataPair } from './data.js'
import type { GridKind, Landing, ModelInfo, Pictures, Point, Probed } from './messages.js'
import { normalQuantile } from './normal.js'
import { Projection } from './projection.js'
import type { Settings } from './settings.js'

/** Pictures a side of the grid. */
const gridSide = 15
const originalCount = 10
const mostPoints = 1_000
const fewestPoints = 200
/** As many points are encoded as lets a set of pictures take about this long. */
const pictureMs = 300
const sampleSeed = 1

/** What the page sees of one model: computed from its parameters of the moment, at any time during training. */
export class Views {
  private readonly projection: Projection
  private readonly grid: GridKind
  private readonly originals: number[]
  private readonly originalImages: Float32Array
  private readonly pointImages: Float32Array
  private readonly imageSize: number
  private pointCount = fewestPoints

  constructor(
    private readonly vae: Vae,
    private readonly data: DataPair,
  ) {
    const { latent } = vae.spec
    this.projection = new Projection(latent.size)
    this.grid = latent.type === 'deterministic' ? 'interpolations' : latent.size === 2 ? 'manifold' : 'samples'
    this.originals = oneOfEach(data.test, originalCount)
    this.originalImages = toFloats(gather(data.test, this.originals))
    this.imageSize = data.test.shape.reduce((product, n) => product * n, 1)
    this.pointImages = toFloats(data.test.images.subarray(0, mostPoints * this.imageSize))
  }

  describe(settings: Settings, batchSize: number): ModelInfo {
    const { vae, data } = this
    return {
      settings,
      batchSize,
      shape: data.test.shape,
      latentSize: vae.spec.latent.size,
      gaussian: vae.spec.latent.type === 'gaussian',
      grid: this.grid,
      parameterCount: vae.parameterCount,
      dataName: data.name,
      trainCount: data.train.count,
      testCount: data.test.count,
      originals: gather(data.test, this.originals),
      originalLabels: this.originals.flatMap((index) => data.test.labels?.[index] ?? []),
      labels: data.test.labels?.slice(0, mostPoints),
    }
  }

  async pictures(): Promise<Pictures> {
    const { vae, pointCount, pointImages, imageSize } = this
    const begunMs = performance.now()
    const [reconstructions, grid, codes] = await Promise.all([
      vae.reconstruct(this.originalImages),
      this.gridImages(),
      vae.encode(pointImages.subarray(0, pointCount * imageSize)),
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
    return { at, image: toBytes((await this.vae.decode(this.projection.lift(at))).data) }
  }

  async land(pixels: Float32Array): Promise<Landing> {
    const [{ mean, logVariance }, image] = await Promise.all([this.vae.encode(pixels), this.vae.reconstruct(pixels)])
    const [x, y] = this.projection.project(mean.data)
    const deviation = logVariance && this.projection.deviation(logVariance.data)
    return { at: [x, y], deviation, image: toBytes(image.data) }
  }

  private async gridImages() {
    const { vae, grid } = this
    if (grid === 'samples') return vae.sample(gridSide * gridSide, { seed: sampleSeed })
    return vae.decode(grid === 'manifold' ? quantileGrid() : await this.betweenOriginals())
  }

  /** Codes between four of the originals, one in each corner. */
  private async betweenOriginals(): Promise<Float32Array> {
    const { mean } = await this.vae.encode(this.originalImages)
    const size = this.vae.spec.latent.size
    const corner = (index: number) => mean.data.subarray(index * size, (index + 1) * size)
    const last = this.originals.length - 1
    const [a, b, c, d] = [0, 1, 2, 3].map((index) => corner(Math.min(index, last)))
    return fillGrid(size, (across, down, i) => {
      const top = a[i] + across * (b[i] - a[i])
      return top + down * (c[i] + across * (d[i] - c[i]) - top)
    })
  }
}

/** Points that cut the prior into tiles of equal probability; x grows to the right, y upwards. */
function quantileGrid(): Float32Array {
  const quantiles = Array.from({ length: gridSide }, (_, i) => normalQuantile((i + 0.5) / gridSide))
  const at = (fraction: number) => quantiles[Math.round(fraction * (gridSide - 1))]
  return fillGrid(2, (across, down, i) => (i === 0 ? at(across) : at(1 - down)))
}

/** One code a tile, row by row from the top; `across` and `down` run from 0 to 1. */
function fillGrid(size: number, value: (across: number, down: number, i: number) => number): Float32Array {
  return Float32Array.from({ length: gridSide * gridSide * size }, (_, flat) => {
    const tile = Math.floor(flat / size)
    return value((tile % gridSide) / (gridSide - 1), Math.floor(tile / gridSide) / (gridSide - 1), flat % size)
  })
}
