import { toBytes } from '../drawing/bytes.js'
import { gather } from '../drawing/images.js'
import type { Dataset, Vae } from '../../index.js'
import { extremes } from './anomaly.js'
import { drawTiles, tileSize } from './pictures.js'
import { Sheet, type About } from './sheet.js'

const [columns, left, gap] = [10, 110, 14]

/** The most and the least surprising test images, each with where its reconstruction loss lies below it. */
export async function anomalyPicture(
  vae: Vae,
  test: Dataset,
  scores: Float32Array,
  about: About,
): Promise<Blob> {
  const [height, width, channels] = test.shape
  const tile = tileSize(test, 56)
  const sheet = new Sheet(left + columns * tile.width, 2 * (2 * tile.height) + gap, about, {
    title: 'anomalies',
    caption:
      'The test images of highest and of lowest reconstruction loss; below each, where it lies: the darker, the more.',
  })
  const { most, least } = extremes(scores, columns)
  const bands = [['most surprising', most], ['least surprising', least]] as const
  for (const [band, [name, chosen]] of bands.entries()) {
    const images = gather(test, chosen)
    const options = vae.spec.classes ? { labels: chosen.map((index) => test.labels![index]) } : {}
    const { pixels } = await vae.losses(images, { ...options, samples: 16, perPixel: true })
    const y = band * (2 * tile.height + gap)
    drawTiles(sheet, toBytes(images), test, columns, [left, y], tile)
    const maps = mapOf(pixels!.data, channels)
    drawTiles(sheet, maps, { shape: [height, width, 1] }, columns, [left, y + tile.height], tile)
    sheet.text(name, left - 10, y + tile.height / 2, { align: 'right' })
    sheet.text('loss per pixel', left - 10, y + 1.5 * tile.height, { align: 'right' })
  }
  return sheet.png()
}

/** Losses of pixels, summed over their channels, as bytes up to the largest; what a density gains is 0 here. */
function mapOf(pixels: Float32Array, channels: number): Uint8Array {
  const sums = Float32Array.from({ length: pixels.length / channels }, (_, pixel) => {
    return pixels.subarray(pixel * channels, (pixel + 1) * channels).reduce((sum, loss) => sum + loss, 0)
  })
  const highest = sums.reduce((largest, loss) => Math.max(largest, loss), 0) || 1
  return Uint8Array.from(sums, (loss) => Math.round((255 * Math.max(0, loss)) / highest))
}
