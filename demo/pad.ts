import type { Point } from './messages.js'
import { onThemeChange, theme } from '../src/tools/drawing/theme.js'

/** As MNIST's digits are: the longer side in 20 of 28 pixels, and a pen of about 2.6. */
const fill = 20 / 28
const penWidth = 2.6 / 28
/** Drawn this much larger than the image and averaged down. */
const oversampling = 4

/** A small sheet to draw on. Strokes are kept as points from 0 to 1, so that they can be drawn again at any size. */
export class Pad {
  private strokes: Point[][] = []

  /** `onDraw` is told whenever the drawing has changed. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onDraw: () => void,
  ) {
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      this.strokes.push([])
      this.extend(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.extend(part)
    })
    new ResizeObserver(() => this.draw()).observe(canvas)
    onThemeChange(() => this.draw())
  }

  get empty(): boolean {
    return this.strokes.length === 0
  }

  clear(): void {
    this.strokes = []
    this.draw()
  }

  /** The drawing as a grey image of this size, its ink scaled and centred; undefined while there is none. */
  pixels(height: number, width: number): Float32Array | undefined {
    if (this.empty) return undefined
    const xs = this.strokes.flat().map(([x]) => x)
    const ys = this.strokes.flat().map(([, y]) => y)
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
    const side = Math.min(height, width)
    const scale = ((fill - penWidth) * side) / Math.max(right - left, bottom - top, 0.15)
    const large = new OffscreenCanvas(oversampling * width, oversampling * height).getContext('2d')!
    large.scale(oversampling, oversampling)
    large.fillRect(0, 0, width, height)
    strokePaths(large, this.strokes, '#fff', penWidth * side, ([x, y]) => [
      width / 2 + (x - (left + right) / 2) * scale,
      height / 2 + (y - (top + bottom) / 2) * scale,
    ])
    const { data } = large.getImageData(0, 0, oversampling * width, oversampling * height)
    return averaged(data, height, width)
  }

  private extend(event: PointerEvent): void {
    const { clientWidth, clientHeight } = this.canvas
    const box = this.canvas.getBoundingClientRect()
    const point: Point = [(event.clientX - box.left) / clientWidth, (event.clientY - box.top) / clientHeight]
    this.strokes[this.strokes.length - 1].push(point)
    this.draw()
    this.onDraw()
  }

  private draw(): void {
    const { canvas } = this
    const side = canvas.clientWidth
    canvas.width = canvas.height = Math.round(side * devicePixelRatio)
    const context = canvas.getContext('2d')!
    context.scale(canvas.width / side, canvas.width / side)
    strokePaths(context, this.strokes, `rgb(${theme().ink})`, penWidth * side, ([x, y]) => [x * side, y * side])
  }
}

function strokePaths(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  strokes: Point[][],
  color: string,
  lineWidth: number,
  place: (point: Point) => Point,
): void {
  context.strokeStyle = color
  context.lineWidth = lineWidth
  context.lineCap = context.lineJoin = 'round'
  for (const stroke of strokes) {
    context.beginPath()
    for (const point of stroke) context.lineTo(...place(point))
    // A dot is a line of no length, drawn by its round ends.
    if (stroke.length === 1) context.lineTo(...place(stroke[0]))
    context.stroke()
  }
}

/** Means over squares of `oversampling` pixels a side, from 0 to 1. */
function averaged(rgba: Uint8ClampedArray, height: number, width: number): Float32Array {
  const pixels = new Float32Array(height * width)
  for (let i = 0; i < rgba.length / 4; i++) {
    const row = Math.floor(i / (oversampling * width) / oversampling)
    const column = Math.floor((i % (oversampling * width)) / oversampling)
    pixels[row * width + column] += rgba[4 * i] / 255 / oversampling ** 2
  }
  return pixels
}
