import type { Landing, ModelInfo, Point, Probed } from './messages.js'
import { onThemeChange, theme } from '../src/tools/drawing/theme.js'
import { paintTiles } from '../src/tools/drawing/tiles.js'

/** The plane shows at least this far from its middle: most of the prior. */
const priorExtent = 3.2
/** Something is there to be dragged from the start. */
const firstProbe: Point = [0.8, 0.8]
const thumbnail = 84
const turn = 2 * Math.PI

/** The latent plane: where the test images lie, what is decoded at the pointer, where a drawing lands. */
export class Plane {
  private model: ModelInfo | undefined
  private points = new Float32Array()
  private extent = priorExtent
  private probed: Probed | undefined
  private landing: Landing | undefined

  /** `onProbe` is told every point that the pointer or the arrow keys move to. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly image: HTMLCanvasElement,
    private readonly onProbe: (at: Point) => void,
  ) {
    const follow = (event: PointerEvent) => this.probe(this.toPlane(event.offsetX, event.offsetY))
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId)
      follow(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerType === 'mouse' || event.buttons > 0) follow(event)
    })
    canvas.addEventListener('keydown', (event) => this.onKey(event))
    new ResizeObserver(() => this.draw()).observe(canvas)
    onThemeChange(() => this.draw())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.canvas.hidden = model.codes !== undefined
    this.image.hidden = true
    this.points = new Float32Array()
    this.extent = model.latent === 'gaussian' ? priorExtent : 1
    this.showProbed(undefined)
    this.showLanding(undefined)
    if (!model.codes) this.probe(model.latent === 'gaussian' ? firstProbe : [0, 0])
  }

  showPoints(points: Float32Array<ArrayBuffer>): void {
    this.points = points
    const needed = this.neededExtent()
    if (needed > this.extent || needed < 0.7 * this.extent) this.extent = needed
    this.draw()
  }

  showProbed(probed: Probed | undefined): void {
    this.probed = probed
    this.draw()
  }

  showLanding(landing: Landing | undefined): void {
    this.landing = landing
    this.draw()
  }

  private probe(at: Point): void {
    if (this.model) this.onProbe(at)
  }

  private onKey(event: KeyboardEvent): void {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (!direction) return
    event.preventDefault()
    const [x, y] = this.probed?.at ?? [0, 0]
    const stride = this.extent / (event.shiftKey ? 8 : 32)
    const limit = (value: number) => Math.max(-this.extent, Math.min(this.extent, value))
    this.probe([limit(x + stride * direction[0]), limit(y + stride * direction[1])])
  }

  /** Nearly all points, and the prior where there is one. */
  private neededExtent(): number {
    const far = this.points.map(Math.abs).sort()
    const most = 1.1 * (far[Math.floor(0.99 * far.length)] ?? 0)
    return this.model?.latent === 'gaussian' ? Math.max(priorExtent, most) : Math.max(1e-3, most)
  }

  private toPlane(x: number, y: number): Point {
    const half = this.canvas.clientWidth / 2
    return [(x / half - 1) * this.extent, (1 - y / half) * this.extent]
  }

  private toCanvas([x, y]: Point): Point {
    const half = this.canvas.clientWidth / 2
    return [(x / this.extent + 1) * half, (1 - y / this.extent) * half]
  }

  private draw(): void {
    const { canvas } = this
    if (canvas.hidden) return
    const side = canvas.clientWidth
    canvas.width = canvas.height = Math.round(side * devicePixelRatio)
    const context = canvas.getContext('2d')!
    context.scale(canvas.width / side, canvas.width / side)
    if (this.model?.latent === 'gaussian') this.drawPrior(context)
    this.drawPoints(context)
    this.drawLabels(context)
    this.drawLanding(context)
    this.drawProbe(context)
  }

  /** Circles of one, two and three deviations. */
  private drawPrior(context: CanvasRenderingContext2D): void {
    const [x, y] = this.toCanvas([0, 0])
    context.strokeStyle = theme().line
    for (const deviations of [1, 2, 3]) {
      context.beginPath()
      context.arc(x, y, (deviations / this.extent) * x, 0, turn)
      context.stroke()
    }
  }

  private drawPoints(context: CanvasRenderingContext2D): void {
    const { classes, quiet } = theme()
    context.globalAlpha = 0.75
    for (let i = 0; i < this.points.length / 2; i++) {
      const label = this.model?.labels?.[i]
      const [x, y] = this.toCanvas([this.points[2 * i], this.points[2 * i + 1]])
      context.fillStyle = label === undefined ? quiet : classes[label % classes.length]
      context.fillRect(x - 1.25, y - 1.25, 2.5, 2.5)
    }
    context.globalAlpha = 1
  }

  /** Each class's name in the middle of its points, unless the model knows them and all lie together. */
  private drawLabels(context: CanvasRenderingContext2D): void {
    const { labels, classes: known } = this.model ?? {}
    if (!labels || known !== undefined || this.points.length === 0) return
    const { classes, paper } = theme()
    context.font = '600 15px system-ui, sans-serif'
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    context.lineWidth = 4
    context.lineJoin = 'round'
    context.strokeStyle = `rgb(${paper})`
    for (const label of new Set(labels)) {
      const own = [...labels.keys()].filter((i) => labels[i] === label && 2 * i < this.points.length)
      const median = (axis: number) => own.map((i) => this.points[2 * i + axis]).sort((a, b) => a - b)[own.length >> 1]
      const [x, y] = this.toCanvas([median(0), median(1)])
      context.fillStyle = classes[label % classes.length]
      context.strokeText(String(label), x, y)
      context.fillText(String(label), x, y)
    }
  }

  /** A drawing's place, with the ellipse of one deviation of its posterior. */
  private drawLanding(context: CanvasRenderingContext2D): void {
    const { at, deviation } = this.landing ?? {}
    if (!at) return
    const [x, y] = this.toCanvas(at)
    const scale = this.canvas.clientWidth / 2 / this.extent
    context.strokeStyle = context.fillStyle = theme().accent
    context.lineWidth = 2
    context.beginPath()
    context.arc(x, y, 3, 0, turn)
    context.fill()
    context.beginPath()
    const [radiusX, radiusY] = (deviation ?? [0, 0]).map((along) => Math.max(7, scale * along))
    context.ellipse(x, y, radiusX, radiusY, 0, 0, turn)
    context.stroke()
  }

  /** A ring at the point, and its picture beside it: away from the middle, where the points are, if there is room. */
  private drawProbe(context: CanvasRenderingContext2D): void {
    const { image, canvas, probed, model } = this
    image.hidden = !probed
    if (!probed || !model) return
    const side = canvas.clientWidth
    const [x, y] = this.toCanvas(probed.at)
    context.strokeStyle = theme().text
    context.lineWidth = 1.5
    context.beginPath()
    context.arc(x, y, 5, 0, turn)
    context.stroke()
    paintTiles(image, probed.image, model.shape)
    const beside = (place: number) => {
      const [before, after] = [place - 14 - thumbnail, place + 14]
      const outwards = place < side / 2 ? before : after
      return outwards < 0 ? after : outwards + thumbnail > side ? before : outwards
    }
    image.style.transform = `translate(${beside(x)}px, ${beside(y)}px)`
  }
}
