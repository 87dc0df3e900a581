import { element } from './element.js'
import type { ModelInfo, Pictures } from './messages.js'
import { onThemeChange } from '../src/tools/drawing/theme.js'
import { paintTiles } from '../src/tools/drawing/tiles.js'

const originals = element('originals', HTMLElement)
const reconstructions = element('reconstructions', HTMLCanvasElement)

/** A row of test images and their reconstructions below. Each original is a button. */
export class Specimens {
  private model: ModelInfo | undefined
  private latest: Uint8Array | undefined

  constructor(private readonly onPick: (image: Uint8Array, label: number | undefined) => void) {
    onThemeChange(() => this.draw())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.latest = undefined
    this.draw()
  }

  show({ reconstructions: latest }: Pictures): void {
    this.latest = latest
    this.drawReconstructions()
  }

  private draw(): void {
    if (!this.model) return
    const { originals: bytes, originalLabels, shape, codes } = this.model
    const size = shape.reduce((product, n) => product * n, 1)
    originals.replaceChildren(
      ...Array.from({ length: bytes.length / size }, (_, i) => {
        const image = bytes.subarray(i * size, (i + 1) * size)
        const button = document.createElement('button')
        const canvas = document.createElement('canvas')
        button.type = 'button'
        button.title = codes ? 'See its codes' : 'See where it lands on the plane'
        button.ariaLabel = `Test image ${i + 1}${originalLabels.length > 0 ? `, a ${originalLabels[i]}` : ''}: ${button.title}`
        button.onclick = () => this.onPick(image, originalLabels[i])
        paintTiles(canvas, image, shape)
        button.append(canvas)
        return button
      }),
    )
    this.drawReconstructions()
  }

  private drawReconstructions(): void {
    const { model, latest } = this
    if (!model) return
    const [height, width, channels] = model.shape
    const count = model.originals.length / (height * width * channels)
    if (latest) paintTiles(reconstructions, latest, model.shape, count)
    else [reconstructions.width, reconstructions.height] = [count * width, height] // keeps their place free
  }
}
