import { pixelValues } from '../../data/dataset.js'
import type { Dataset, Vae } from '../../index.js'
import { toBytes } from '../drawing/bytes.js'
import { fromMap, graticule, toMap } from '../drawing/sphere-map.js'
import { theme } from '../drawing/theme.js'
import { paintTiles } from '../drawing/tiles.js'
import { drawLegend, drawPoints, legendWidth, nameClass, type Place } from './points.js'
import { Sheet, type About } from './sheet.js'

// Both pictures are the same map of the sphere in three dimensions, so that places can be compared.

const width = 960
const height = width / 2
const columns = 24

const place = ([across, up]: readonly [number, number]): Place => [((1 + across) / 2) * width, ((1 - up) / 2) * height]

/** Every test image where the encoder's direction points, in the colour of its class. */
export async function sphereLatentPicture(vae: Vae, test: Dataset, about: About): Promise<Blob> {
  const { mean } = await vae.encode(pixelValues(test), vae.spec.classes ? { labels: test.labels } : {})
  const classes = [...new Set(test.labels)].sort((a, b) => a - b)
  const sheet = new Sheet(width + (classes.length > 0 ? legendWidth : 0), height, about, {
    title: 'test images on the sphere',
    caption:
      `Where the encoder puts ${test.count.toLocaleString('en-US')} test images (the mean direction of their posterior), ` +
      "on Hammer's map: it keeps areas, and under the prior all places are equally likely.",
  })
  drawGlobe(sheet)
  const points = Array.from({ length: test.count }, (_, i) => mean.data.subarray(3 * i, 3 * i + 3))
  drawPoints(sheet, points.map((point) => place(toMap(point))), test.labels)
  for (const label of classes) {
    const own = points.filter((_, i) => test.labels![i] === label)
    nameClass(sheet, label, place(toMap(middle(own))))
  }
  drawLegend(sheet, width, classes)
  return sheet.png()
}

/** The map with an image at every place, decoded from the point there. */
export async function sphereGridPicture(vae: Vae, { shape }: Dataset, about: About): Promise<Blob> {
  const size = width / columns
  const tall = (size * shape[0]) / shape[1]
  const rows = Math.floor(height / tall)
  const sheet = new Sheet(width, rows * tall, about, {
    title: 'the sphere, decoded',
    caption: "Each tile is decoded from the point of the sphere in its middle, on Hammer's map, which keeps areas.",
  })
  const tiles = Array.from({ length: columns * rows }, (_, tile) => {
    const [column, row] = [tile % columns, Math.floor(tile / columns)]
    const point = fromMap((2 * column + 1) / columns - 1, 1 - (2 * row + 1) / rows)
    return point && { column, row, point }
  }).filter((tile) => tile !== undefined)
  const { data } = await vae.decode(Float32Array.from(tiles.flatMap(({ point }) => point)))
  const pixels = data.length / tiles.length
  sheet.context.imageSmoothingEnabled = false
  tiles.forEach(({ column, row }, i) => {
    const canvas = document.createElement('canvas')
    paintTiles(canvas, toBytes(data.subarray(i * pixels, (i + 1) * pixels)), shape)
    sheet.context.drawImage(canvas, column * size, row * tall, size, tall)
  })
  return sheet.png()
}

/** The map's outline, and meridians and parallels. */
function drawGlobe({ context }: Sheet): void {
  context.lineWidth = 1
  context.strokeStyle = theme().line
  for (const line of graticule()) {
    context.beginPath()
    for (const at of line) context.lineTo(...place(at))
    context.stroke()
  }
  context.strokeStyle = theme().quiet
  context.beginPath()
  context.ellipse(width / 2, height / 2, width / 2, height / 2, 0, 0, 2 * Math.PI)
  context.stroke()
}

/** The direction of the points' sum. */
function middle(points: readonly Float32Array[]): number[] {
  const sum = [0, 1, 2].map((axis) => points.reduce((total, point) => total + point[axis], 0))
  return sum.map((value) => value / Math.hypot(...sum))
}
