import { toBytes } from '../drawing/bytes.js'
import { gridSide, hasKl } from '../drawing/grids.js'
import { gather, oneOfEach } from '../drawing/images.js'
import { normalQuantile } from '../drawing/normal.js'
import { normals } from '../drawing/random.js'
import { paintTiles } from '../drawing/tiles.js'
import type { Dataset, Tensor, Vae } from '../../index.js'
import type { HistoryRow } from './history.js'
import { decodeRunGrid, gridsOf, isDrawable, stylesOf, type RunGrid } from './run-grids.js'
import { latentPicture } from './latent-picture.js'
import { lossPicture } from './loss-picture.js'
import { density, Sheet, type About } from './sheet.js'
import { sphereGridPicture, sphereLatentPicture } from './sphere-pictures.js'

/** How to draw the PNG files of a run, by name. Values that are no picture's channels are not drawn. */
export function picturesOf(
  vae: Vae,
  test: Dataset,
  rows: readonly HistoryRow[],
  about: About,
): Record<string, () => Promise<Blob>> {
  const { latent, classes, recurrent } = vae.spec
  const drawable = isDrawable(test)
  const isGlobe = latent.type === 'von-mises-fisher' && latent.size === 3
  const grids = drawable && !classes ? gridsOf(vae) : []
  return {
    'loss.png': () => lossPicture(rows, vae.spec, about),
    ...(drawable && { 'reconstructions.png': () => reconstructionPicture(vae, test, about) }),
    ...Object.fromEntries(grids.map((grid) => [`${grid}.png`, () => gridPicture(grid, vae, test, about)])),
    ...(drawable && classes && { 'styles.png': () => stylesPicture(vae, classes, test, about) }),
    ...(isGlobe && drawable && !classes && { 'manifold.png': () => sphereGridPicture(vae, test, about) }),
    ...(isGlobe && { 'latent.png': () => sphereLatentPicture(vae, test, about) }),
    ...(drawable && recurrent && { 'canvases.png': () => canvasPicture(vae, recurrent.steps, test, about) }),
    ...(latent.size === 2 && latent.type !== 'vector-quantized' && !recurrent && {
      'latent.png': () => latentPicture(vae, test, about),
    }),
  }
}

/** How to draw the files of a run on the codes of `coder`, which shows what they are. */
export function codePicturesOf(
  vae: Vae,
  coder: Vae,
  test: Dataset,
  rows: readonly HistoryRow[],
  about: About,
): Record<string, () => Promise<Blob>> {
  const { classes } = vae.spec
  const show = (codes: Tensor) => coder.decode(codes.data)
  return {
    'loss.png': () => lossPicture(rows, vae.spec, about),
    ...(classes && isDrawable(test) && { 'styles.png': () => stylesPicture(vae, classes, test, about, show) }),
  }
}

/** Test images of all classes in two rows, each with its reconstructions below. */
async function reconstructionPicture(vae: Vae, test: Dataset, about: About): Promise<Blob> {
  const [columns, left, gap] = [10, 100, 14]
  const chosen = oneOfEach(test, 2 * columns)
  const images = gather(test, chosen)
  const options = vae.spec.classes ? { labels: chosen.map((index) => test.labels![index]) } : {}
  const reconstructed = await vae.reconstruct(images, options)
  const tile = tileSize(test, 56)
  const bandLength = columns * (images.length / reconstructed.shape[0])
  const bands = Math.ceil(images.length / bandLength)
  const sheet = new Sheet(left + columns * tile.width, bands * (2 * tile.height + gap) - gap, about, {
    title: 'reconstructions',
    caption: `Test images, and what the decoder makes of their ${hasKl(vae.spec) ? 'mean ' : ''}code.`,
  })
  for (let band = 0; band < bands; band++) {
    const range = [band * bandLength, (band + 1) * bandLength] as const
    const rows = { 'test images': images.subarray(...range), reconstructed: reconstructed.data.subarray(...range) }
    Object.entries(rows).forEach(([name, pixels], i) => {
      const y = band * (2 * tile.height + gap) + i * tile.height
      drawTiles(sheet, toBytes(pixels), test, columns, [left, y], tile)
      sheet.text(name, left - 10, y + tile.height / 2, { align: 'right' })
    })
  }
  return sheet.png()
}

const gridHeadings = {
  manifold: {
    title: 'the latent plane, decoded',
    caption: 'Each tile is decoded from a point of the plane; the points cut the prior into equal probabilities.',
  },
  samples: { title: 'samples', caption: 'Decoded from draws of the prior.' },
  independent: {
    title: 'codes drawn alone',
    caption: 'Decoded from codes each drawn alone, by how often training chose it.',
  },
  interpolations: {
    title: 'interpolations',
    caption: 'The corners are four test images; every tile is decoded from the code that lies between theirs.',
  },
}

/** A square of decoded images; over a latent plane with its coordinates. */
async function gridPicture(kind: RunGrid, vae: Vae, test: Dataset, about: About): Promise<Blob> {
  const grid = toBytes((await decodeRunGrid(vae, kind, test)).data)
  const columns = gridSide
  const tile = tileSize(test, 42)
  const [width, height] = [columns * tile.width, columns * tile.height]
  const axis = kind === 'manifold' ? 44 : 0
  const sheet = new Sheet(axis + width, height + axis, about, gridHeadings[kind])
  drawTiles(sheet, grid, test, columns, [axis, 0], tile)
  if (kind !== 'manifold') return sheet.png()
  for (let i = 0; i < columns; i += 2) {
    const value = normalQuantile((i + 0.5) / columns).toFixed(2).replace('-', '−')
    sheet.text(value, axis + (i + 0.5) * tile.width, height + 12, { align: 'center' })
    sheet.text(value, axis - 7, height - (i + 0.5) * tile.height, { align: 'right' })
  }
  sheet.axisNames(axis + width / 2, height / 2, height + 34)
  return sheet.png()
}

/** A conditional model's images: each row is one draw of the prior, each column one class, from 0 on. */
async function stylesPicture(
  vae: Vae,
  classes: number,
  test: Dataset,
  about: About,
  show = async (decoded: Tensor) => decoded,
): Promise<Blob> {
  const { latents, labels, rows, columns } = stylesOf(vae, classes)
  const images = await show(await vae.decode(latents, { labels }))
  const tile = tileSize(test, 56)
  const left = 24
  const sheet = new Sheet(left + columns * tile.width, rows * tile.height + 24, about, {
    title: 'styles',
    caption: 'One style a row, one class a column: each row is decoded from one draw of the prior, with every label.',
  })
  drawTiles(sheet, toBytes(images.data), test, columns, [left, 0], tile)
  for (let row = 0; row < rows; row++) {
    sheet.text(`z${subscript(row + 1)}`, left - 8, (row + 0.5) * tile.height, { align: 'right' })
  }
  for (let label = 0; label < columns; label++) {
    sheet.text(String(label), left + (label + 0.5) * tile.width, rows * tile.height + 14, { align: 'center' })
  }
  return sheet.png()
}

const canvasRows = 8
const mostCanvases = 16

/** A recurrent model's canvas after every step: of draws of the prior, then of test images' codes. */
async function canvasPicture(vae: Vae, steps: number, test: Dataset, about: About): Promise<Blob> {
  const [left, gap] = [100, 14]
  const images = gather(test, oneOfEach(test, canvasRows))
  const { mean } = await vae.encode(images)
  const prior = normals(canvasRows * steps * vae.spec.latent.size, 1)
  const shown = Math.min(steps, mostCanvases)
  const tile = tileSize(test, 56)
  const height = canvasRows * tile.height
  const sheet = new Sheet(left + gap + (shown + 1) * tile.width, 2 * height + gap + 24, about, {
    title: 'the canvas step by step',
    caption: 'Each row is one image being drawn: from draws of the prior above, below from the mean codes of test images.',
  })
  const size = test.shape[0] * test.shape[1] * test.shape[2]
  for (const [band, latents] of [prior, mean.data].entries()) {
    const { data } = await vae.decode(latents, { everyStep: true })
    const last = steps - shown // the steps before are left out
    const rows = Array.from({ length: latents.length / (steps * vae.spec.latent.size) }, (_, n) => {
      return toBytes(data.subarray((n * steps + last) * size, (n + 1) * steps * size))
    })
    const y = band * (height + gap)
    rows.forEach((row, n) => drawTiles(sheet, row, test, shown, [left, y + n * tile.height], tile))
    sheet.text(['samples', 'reconstructed'][band], left - 10, y + tile.height / 2, { align: 'right' })
  }
  const places = Math.min(canvasRows, images.length / size)
  for (let n = 0; n < places; n++) {
    const image = toBytes(images.subarray(n * size, (n + 1) * size))
    drawTiles(sheet, image, test, 1, [left + gap + shown * tile.width, height + gap + n * tile.height], tile)
  }
  for (let t = 0; t < shown; t++) {
    const x = left + (t + 0.5) * tile.width
    sheet.text(String(steps - shown + t + 1), x, 2 * height + gap + 14, { align: 'center' })
  }
  sheet.text('test image', left + gap + (shown + 0.5) * tile.width, 2 * height + gap + 14, { align: 'center' })
  return sheet.png()
}

function subscript(number: number): string {
  return String(number).replace(/\d/g, (digit) => '₀₁₂₃₄₅₆₇₈₉'[Number(digit)])
}

/** How large to show an image: about as wide as wanted, a pixel of it being whole pixels of the canvas. */
export function tileSize({ shape: [height, width] }: Dataset, wanted: number): { width: number; height: number } {
  const scale = Math.max(1, Math.round((wanted * density) / width)) / density
  return { width: scale * width, height: scale * height }
}

export function drawTiles(
  sheet: Sheet,
  bytes: Uint8Array,
  { shape }: Pick<Dataset, 'shape'>,
  columns: number,
  [x, y]: [x: number, y: number],
  tile: { width: number; height: number },
): void {
  const canvas = document.createElement('canvas')
  paintTiles(canvas, bytes, shape, columns)
  sheet.context.imageSmoothingEnabled = false
  sheet.context.drawImage(canvas, x, y, columns * tile.width, (canvas.height / shape[0]) * tile.height)
}
