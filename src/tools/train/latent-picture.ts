import { pixelValues } from '../../data/dataset.js'
import type { Dataset, Vae } from '../../index.js'
import { theme } from '../drawing/theme.js'
import { drawLegend, drawPoints, legendWidth, nameClass, type Place } from './points.js'
import { Sheet, type About } from './sheet.js'

const side = 640
const left = 44
const bottom = 44
/** The plane shows at least this far from its middle: most of the prior. */
const priorExtent = 3.2

/** Every test image where the encoder puts it, in the colour of its class. */
export async function latentPicture(vae: Vae, test: Dataset, about: About): Promise<Blob> {
  const { mean } = await vae.encode(pixelValues(test), vae.spec.classes ? { labels: test.labels } : {})
  const isGaussian = vae.spec.latent.type === 'gaussian'
  const classes = [...new Set(test.labels)].sort((a, b) => a - b)
  const count = test.count.toLocaleString('en-US')
  const sheet = new Sheet(left + side + (classes.length > 0 ? legendWidth : 0), side + bottom, about, {
    title: 'test images in the latent plane',
    caption:
      `Where the encoder puts ${count} test images (the mean of their posterior).` +
      (isGaussian ? ' Rings: 1, 2, 3 standard deviations of the prior.' : ''),
  })
  const far = mean.data.reduce((most, value) => Math.max(most, Math.abs(value)), isGaussian ? priorExtent : 0)
  const plane = new LatentPlane(sheet, 1.04 * far || 1)
  plane.axes()
  if (isGaussian) plane.prior()
  const places = Array.from({ length: test.count }, (_, i) => plane.place(mean.data[2 * i], mean.data[2 * i + 1]))
  drawPoints(sheet, places, test.labels)
  for (const label of classes) nameClass(sheet, label, middle(places.filter((_, i) => test.labels![i] === label)))
  drawLegend(sheet, left + side, classes)
  return sheet.png()
}

/** The median of each coordinate. */
function middle(places: readonly Place[]): Place {
  const median = (axis: 0 | 1) => places.map((place) => place[axis]).sort((a, b) => a - b)[places.length >> 1]
  return [median(0), median(1)]
}

/** A square of the plane, `extent` from its middle to its sides. */
class LatentPlane {
  constructor(private readonly sheet: Sheet, private readonly extent: number) {}

  axes(): void {
    const { sheet, extent } = this
    const { context } = sheet
    context.lineWidth = 1
    context.strokeStyle = theme().line
    const step = tickStep(extent)
    for (let tick = Math.ceil(-extent / step); tick * step <= extent; tick++) {
      const value = tick * step
      const [x, y] = this.place(value, value)
      context.beginPath()
      context.moveTo(x, 0)
      context.lineTo(x, side)
      context.moveTo(left, y)
      context.lineTo(left + side, y)
      context.stroke()
      const text = String(Number(value.toPrecision(6))).replace('-', '−')
      sheet.text(text, x, side + 12, { align: 'center' })
      sheet.text(text, left - 7, y, { align: 'right' })
    }
    context.strokeRect(left, 0, side, side)
    sheet.axisNames(left + side / 2, side / 2, side + 34)
  }

  prior(): void {
    const { context } = this.sheet
    context.strokeStyle = theme().quiet
    context.globalAlpha = 0.6
    for (const deviations of [1, 2, 3]) {
      context.beginPath()
      context.arc(...this.place(0, 0), (deviations / this.extent) * (side / 2), 0, 2 * Math.PI)
      context.stroke()
    }
    context.globalAlpha = 1
  }

  place(across: number, up: number): Place {
    return [left + (across / this.extent + 1) * (side / 2), (1 - up / this.extent) * (side / 2)]
  }
}

/** 1, 2 or 5 times a power of ten: three to seven ticks on each side of the middle. */
function tickStep(extent: number): number {
  const power = 10 ** Math.floor(Math.log10(extent / 3))
  return [5, 2, 1].map((factor) => factor * power).find((step) => extent / step >= 3) ?? power
}
