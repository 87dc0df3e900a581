import { element } from './element.js'
import type { ModelInfo, Pictures, Point } from './messages.js'
import { normalCdf, normalQuantile } from '../src/tools/drawing/normal.js'
import { onThemeChange } from '../src/tools/drawing/theme.js'
import { paintTiles } from '../src/tools/drawing/tiles.js'

const canvas = element('grid', HTMLCanvasElement)
const ring = element('grid-ring', HTMLElement)

/** Outermost fractions of the normal distribution that the pointer reaches. */
const edge = 0.002

/** The grid of pictures. Where they are the latent plane, pointing at them probes the plane. */
export class Grid {
  private model: ModelInfo | undefined
  private latest: Uint8Array | undefined

  constructor(onProbe: (at: Point) => void) {
    const probe = (event: PointerEvent) => {
      if (this.model?.grid !== 'manifold') return
      const quantile = (fraction: number) => normalQuantile(Math.max(edge, Math.min(1 - edge, fraction)))
      onProbe([quantile(event.offsetX / canvas.clientWidth), quantile(1 - event.offsetY / canvas.clientHeight)])
    }
    canvas.addEventListener('pointerdown', probe)
    canvas.addEventListener('pointermove', probe)
    onThemeChange(() => this.draw())
  }

  begin(model: ModelInfo): void {
    this.model = model
    this.latest = undefined
    this.mark(undefined)
  }

  show({ grid }: Pictures): void {
    this.latest = grid
    this.draw()
  }

  /** Rings the place of a point of the plane. */
  mark(at: Point | undefined): void {
    ring.hidden = !at || this.model?.grid !== 'manifold'
    if (!at) return
    ring.style.left = `${100 * normalCdf(at[0])}%`
    ring.style.top = `${100 * (1 - normalCdf(at[1]))}%`
  }

  private draw(): void {
    const { model, latest } = this
    if (!model || !latest) return
    paintTiles(canvas, latest, model.shape, model.gridColumns)
  }
}
