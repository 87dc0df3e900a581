import { toBytes, toFloats } from './bytes.js'
import { element } from './element.js'
import type { Landing, ModelInfo } from './messages.js'
import { Pad } from './pad.js'
import { onThemeChange } from './theme.js'
import { paintTiles } from './tiles.js'

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
      this.change(undefined)
    }
    onThemeChange(() => this.paint())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.landing = undefined
    this.change(this.drawn())
  }

  take(image: Uint8Array): void {
    this.pad.clear()
    this.change(toFloats(image))
  }

  show(landing: Landing | undefined): void {
    this.landing = landing
    this.paint()
  }

  /** Grey images only: on a sheet there is no colour. */
  private drawn(): Float32Array | undefined {
    const [height, width, channels] = this.model?.shape ?? [0, 0, 0]
    return channels === 1 ? this.pad.pixels(height, width) : undefined
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
    const blank = new Uint8Array(model.shape.reduce((product, n) => product * n, 1))
    paintTiles(seen, input ? toBytes(input) : blank, model.shape)
    paintTiles(understood, landing && input ? landing.image : blank, model.shape)
  }
}
