import type { Landing, ModelInfo, Point, Probed } from './messages.js'
import { onThemeChange, theme } from '../src/tools/drawing/theme.js'
import { paintTiles } from '../src/tools/drawing/tiles.js'

const thumbnail = 84
/** Turns of the colour circle from one code's number to the next: the golden angle, so that near numbers differ. */
const goldenAngle = 137.508
/** Narrower cells have no room for a number. */
const numberedSide = 30

/** The codes of an image, each place in its code's colour; a place can be chosen to see what its code draws. */
export class CodeMap {
  private model: ModelInfo | undefined
  private codes: Uint32Array = new Uint32Array()
  private chosen: Point = [0, 0]
  private probed: Probed | undefined

  /** `onProbe` is told the place that the pointer or the arrow keys choose. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly image: HTMLCanvasElement,
    private readonly said: HTMLElement,
    private readonly onProbe: (at: Point) => void,
  ) {
    const follow = ({ offsetX, offsetY }: PointerEvent) => this.choose(offsetX / this.cell, offsetY / this.cell)
    canvas.addEventListener('pointerdown', follow)
    canvas.addEventListener('pointermove', (event) => {
      if (event.pointerType === 'mouse' || event.buttons > 0) follow(event)
    })
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
      if (!step) return
      event.preventDefault()
      this.choose(this.chosen[0] + step[0], this.chosen[1] + step[1])
    })
    new ResizeObserver(() => this.draw()).observe(canvas)
    onThemeChange(() => this.draw())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.canvas.hidden = this.said.hidden = !model.codes
    this.codes = new Uint32Array()
    this.probed = undefined
    const { width, height } = model.codes ?? { width: 0, height: 0 }
    if (model.codes) this.choose(width >> 1, height >> 1)
    this.draw()
  }

  showLanding(landing: Landing | undefined): void {
    this.codes = landing?.codes ?? new Uint32Array()
    this.draw()
  }

  showProbed(probed: Probed): void {
    this.probed = probed
    this.draw()
  }

  private get cell(): number {
    return this.canvas.clientWidth / (this.model?.codes?.width ?? 1)
  }

  private choose(column: number, row: number): void {
    const { codes } = this.model ?? {}
    if (!codes) return
    const within = (place: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor(place)))
    const [x, y] = [within(column, codes.width), within(row, codes.height)]
    if (this.probed && x === this.chosen[0] && y === this.chosen[1]) return
    this.chosen = [x, y]
    this.draw()
    this.onProbe(this.chosen)
  }

  private draw(): void {
    const { canvas, codes, cell, chosen } = this
    if (canvas.hidden) return
    const side = canvas.clientWidth
    canvas.width = canvas.height = Math.round(side * devicePixelRatio)
    const context = canvas.getContext('2d')!
    context.scale(canvas.width / side, canvas.width / side)
    const columns = this.model?.codes?.width ?? 1
    const code = codes[chosen[1] * columns + chosen[0]]
    codes.forEach((number, place) => {
      const [x, y] = [(place % columns) * cell, Math.floor(place / columns) * cell]
      context.fillStyle = `hsl(${(number * goldenAngle) % 360} 55% 62%)`
      context.fillRect(x, y, cell, cell)
      if (cell >= numberedSide) writeNumber(context, number, x + cell / 2, y + cell / 2)
    })
    context.strokeStyle = theme().text
    codes.forEach((number, place) => {
      if (number !== code) return
      context.lineWidth = place === chosen[1] * columns + chosen[0] ? 3 : 1.5
      context.strokeRect((place % columns) * cell + 2, Math.floor(place / columns) * cell + 2, cell - 4, cell - 4)
    })
    this.sayChosen(code)
    this.placeImage()
  }

  private sayChosen(code: number | undefined): void {
    const times = this.codes.reduce((sum, other) => sum + Number(other === code), 0)
    this.said.textContent =
      code === undefined ? '' : `Code ${code}, in ${times} of ${this.codes.length} places, alone draws the picture shown.`
  }

  /** What the chosen code draws, beside its place. */
  private placeImage(): void {
    const { image, probed, model, chosen, cell } = this
    image.hidden = !probed || this.codes.length === 0
    if (!probed || !model) return
    paintTiles(image, probed.image, model.shape)
    const side = this.canvas.clientWidth
    const beside = (index: number) => {
      const after = (index + 1) * cell + 8
      return after + thumbnail < side ? after : index * cell - 8 - thumbnail
    }
    image.style.transform = `translate(${beside(chosen[0])}px, ${beside(chosen[1])}px)`
  }
}

function writeNumber(context: CanvasRenderingContext2D, number: number, x: number, y: number): void {
  context.font = '11px system-ui, sans-serif'
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.fillStyle = '#16202b'
  context.fillText(String(number), x, y)
}
