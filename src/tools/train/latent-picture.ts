import { theme } from '../drawing/theme.js'
import { pixelValues } from '../../data/dataset.js'
import type { Dataset, Vae } from '../../index.js'
import { Sheet, type About } from './sheet.js'

const side = 640
const left = 44
const bottom = 44
const legendWidth = 60
/** The plane shows at least this far from its middle: most of the prior. */
const priorExtent = 3.2

/** Every test image where the encoder puts it, in the colour of its class. */
export async function latentPicture(vae: Vae, test: Dataset<Uint8Array>, about: About): Promise<Blob> {
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
  plane.points(mean.data, test.labels)
  for (const label of classes) plane.className(mean.data, test.labels!, label)
  classes.forEach((label, i) => {
    sheet.context.fillStyle = colorOf(label)
    sheet.context.fillRect(left + side + 18, 4 + i * 20, 10, 10)
    sheet.text(String(label), left + side + 36, 9 + i * 20, { color: theme().text })
  })
  return sheet.png()
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
      const [x, y] = [this.x(value), this.y(value)]
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
      context.arc(this.x(0), this.y(0), (deviations / this.extent) * (side / 2), 0, 2 * Math.PI)
      context.stroke()
    }
    context.globalAlpha = 1
  }

  points(latents: Float32Array, labels: Uint8Array | undefined): void {
    const { context } = this.sheet
    context.globalAlpha = 0.6
    for (let i = 0; i < latents.length / 2; i++) {
      context.fillStyle = labels ? colorOf(labels[i]) : theme().quiet
      context.beginPath()
      context.arc(this.x(latents[2 * i]), this.y(latents[2 * i + 1]), 1.4, 0, 2 * Math.PI)
      context.fill()
    }
    context.globalAlpha = 1
  }

  /** Writes a class's name in the middle of its points. */
  className(latents: Float32Array, labels: Uint8Array, label: number): void {
    const own = [...labels.keys()].filter((i) => labels[i] === label)
    const middle = (axis: number) => own.map((i) => latents[2 * i + axis]).sort((a, b) => a - b)[own.length >> 1]
    const [x, y] = [this.x(middle(0)), this.y(middle(1))]
    const { context } = this.sheet
    context.font = '600 18px system-ui, sans-serif'
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.lineWidth = 4
    context.lineJoin = 'round'
    context.strokeStyle = `rgb(${theme().paper})`
    context.fillStyle = colorOf(label)
    context.strokeText(String(label), x, y)
    context.fillText(String(label), x, y)
  }

  private x(value: number): number {
    return left + (value / this.extent + 1) * (side / 2)
  }

  private y(value: number): number {
    return (1 - value / this.extent) * (side / 2)
  }
}

function colorOf(label: number): string {
  const { classes } = theme()
  return classes[label % classes.length]
}

/** 1, 2 or 5 times a power of ten: three to seven ticks on each side of the middle. */
function tickStep(extent: number): number {
  const power = 10 ** Math.floor(Math.log10(extent / 3))
  return [5, 2, 1].map((factor) => factor * power).find((step) => extent / step >= 3) ?? power
}
