import { theme } from '../drawing/theme.js'

/** Canvas pixels per CSS pixel. */
export const density = 2
const margin = 26
const titleHeight = 26
const lineHeight = 17
const noteFont = '12px system-ui, sans-serif'

/** What all pictures of a run say. */
export interface About {
  /** `mlp on mnist` */
  subject: string
  /** The settings, in words. */
  notes: string[]
}

/** What one of them says. */
export interface Heading {
  title: string
  caption: string
}

/** A canvas with its heading and, below that, a space of `width` × `height`, in whose corner the context's (0, 0) is. */
export class Sheet {
  readonly context: CanvasRenderingContext2D
  private readonly canvas = document.createElement('canvas')

  constructor(width: number, height: number, { subject, notes }: About, { title, caption }: Heading) {
    const context = (this.context = this.canvas.getContext('2d')!)
    context.font = noteFont
    const fits = (text: string) => context.measureText(text).width <= width
    const lines = [...wrapped(caption.split(' '), ' ', fits), ...wrapped(notes, ' · ', fits)]
    const top = margin + titleHeight + lines.length * lineHeight + 14
    this.canvas.width = density * (width + 2 * margin)
    this.canvas.height = density * (top + height + margin)
    context.scale(density, density)
    context.fillStyle = `rgb(${theme().paper})`
    context.fillRect(0, 0, width + 2 * margin, top + height + margin)
    context.translate(margin, margin)
    this.text(`${subject}: ${title}`, 0, 6, { font: '600 18px system-ui, sans-serif', color: theme().text })
    lines.forEach((line, i) => this.text(line, 0, titleHeight + 6 + i * lineHeight))
    context.translate(0, top - margin)
  }

  /** Writes with the vertical middle at `y`; `turned` from below to above. */
  text(
    text: string,
    x: number,
    y: number,
    { font = noteFont, color = theme().quiet, align = 'left' as CanvasTextAlign, turned = false } = {},
  ): void {
    const { context } = this
    context.save()
    context.translate(x, y)
    if (turned) context.rotate(-Math.PI / 2)
    context.font = font
    context.fillStyle = color
    context.textAlign = align
    context.textBaseline = 'middle'
    context.fillText(text, 0, 0)
    context.restore()
  }

  /** Names the axes of a latent plane with this middle; the first one's name is written at `bottom`. */
  axisNames(x: number, y: number, bottom: number): void {
    const font = '15px system-ui, sans-serif'
    this.text('z₁', x, bottom, { align: 'center', font })
    this.text('z₂', -6, y, { align: 'center', font })
  }

  async png(): Promise<Blob> {
    const blob = await new Promise<Blob | null>((resolve) => this.canvas.toBlob(resolve, 'image/png'))
    if (!blob) throw new Error(`the browser could not encode a picture of ${this.canvas.width} × ${this.canvas.height}`)
    return blob
  }
}

/** Parts joined to lines, as many per line as fit. */
function wrapped(parts: readonly string[], separator: string, fits: (text: string) => boolean): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const longer = `${lines.at(-1)}${separator}${part}`
    if (lines.length > 0 && fits(longer)) lines[lines.length - 1] = longer
    else lines.push(part)
  }
  return lines
}
