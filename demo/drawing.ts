import { toBytes, toFloats } from '../src/tools/drawing/bytes.js'
import { element } from './element.js'
import type { Landing, ModelInfo } from './messages.js'
import { Pad } from './pad.js'
import { onThemeChange } from '../src/tools/drawing/theme.js'
import { paintTiles } from '../src/tools/drawing/tiles.js'

const seen = element('seen', HTMLCanvasElement)
const understood = element('understood', HTMLCanvasElement)
const hint = element('pad-hint', HTMLElement)
const clear = element('clear', HTMLButtonElement)

/** The pad, what the encoder sees of it, what the decoder makes of that. A test image may take the drawing's place. */
export class Drawing {
  private readonly pad = new Pad(element('pad', HTMLCanvasElement), () => this.change(this.drawn()))
  private model: ModelInfo | undefined
  private input: Float32Array | undefined
  private landing: Landing | undefined

  /** `onChange` is told the image to follow. */
  constructor(private readonly onChange: (pixels: Float32Array | undefined) => void) {
    clear.onclick = () => {
      this.pad.clear()
      this.rest()
    }
    onThemeChange(() => this.paint())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.landing = undefined
    understood.classList.toggle('classes', model.classes !== undefined)
    this.rest()
  }

  take(image: Uint8Array): void {
    this.pad.clear()
    this.change(toFloats(image))
  }

  show(landing: Landing | undefined): void {
    this.landing = landing
    this.paint()
  }

  /** What is drawn, if anything; the map of codes needs an image in any case. */
  private rest(): void {
    const first = this.model?.codes && toFloats(this.model.originals.subarray(0, sizeOf(this.model)))
    this.change(this.drawn() ?? first)
  }

  /** As the model's images are: grey ink on black, or dark on white in colours. */
  private drawn(): Float32Array | undefined {
    const [height, width, channels] = this.model?.shape ?? [0, 0, 0]
    const grey = this.pad.pixels(height, width)
    if (!grey || channels === 1) return grey
    return Float32Array.from({ length: channels * grey.length }, (_, i) => 1 - 0.9 * grey[Math.floor(i / channels)])
  }

  private change(input: Float32Array | undefined): void {
    this.input = input
    this.onChange(input)
    this.paint()
  }

  private paint(): void {
    const { model, input, landing } = this
    clear.disabled = !input
    hint.hidden = !this.pad.empty
    if (!model) return
    const blank = new Uint8Array(sizeOf(model) * (model.classes ?? 1)).fill(model.codes ? 255 : 0)
    paintTiles(seen, input ? toBytes(input) : blank.subarray(0, sizeOf(model)), model.shape)
    const columns = model.classes === undefined ? 1 : Math.ceil(model.classes / 2)
    paintTiles(understood, landing && input ? landing.images : blank, model.shape, columns)
  }
}

function sizeOf({ shape }: ModelInfo): number {
  return shape.reduce((product, n) => product * n, 1)
}
