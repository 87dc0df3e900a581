import { canvasReadBackward, canvasReadForward } from '../../ops/canvas.js'
import { denseBackward, denseForward } from '../../ops/dense.js'
import type { PlanTensor } from '../../ops/dispatch.js'
import { residualAdd } from '../../ops/elementwise.js'
import { denseParameters, type ParameterSpec } from '../parameters.js'
import { vectorShape } from '../shapes.js'
import type { Brush, CanvasShape, Page, Strokes } from './strokes.js'

/** Without attention: the encoder reads the whole image and the whole error image, the decoder writes all pixels. */
export class PlainBrush implements Brush {
  readonly pixels: number

  constructor(
    { h, w, c }: CanvasShape,
    /** Of the decoder. */
    private readonly units: number,
  ) {
    this.pixels = h * w * c
  }

  get inputs(): number {
    return 2 * this.pixels
  }

  parameters(): ParameterSpec[] {
    return denseParameters('write', vectorShape(this.units), vectorShape(this.pixels))
  }

  unroll(page: Page): Strokes {
    return new PlainStrokes(this.pixels, page)
  }
}

/** What a step writes joins the canvas where the next one reads it: one dispatch for both. */
class PlainStrokes implements Strokes {
  readonly learnsToRead = false
  private readonly canvases: PlanTensor[] = []
  private readonly strokes: PlanTensor[] = []
  private readonly zeros: PlanTensor

  constructor(
    private readonly pixels: number,
    private readonly page: Page,
  ) {
    this.zeros = page.unrolled.zeros(pixels)
  }

  read(t: number): void {
    const { encoder, decoder, unrolled, x } = this.page
    const canvas = this.nextCanvas(t)
    const states = { decoder: decoder.h.at(t), encoder: encoder.h.at(t) }
    const sum = { before: this.before(t), strokes: this.strokes[t - 1] ?? this.zeros, canvas }
    unrolled.builder.push(canvasReadForward({ x: x!, ...sum, ...states, y: encoder.x.at(t) }, this.readShape))
  }

  write(t: number): void {
    const { decoder, unrolled } = this.page
    const { w, b } = unrolled.arena.layer('write')
    const y = unrolled.slice(`write.y.${t}`, this.pixels)
    this.strokes[t] = y
    unrolled.builder.push(denseForward({ x: decoder.h.at(t + 1), w, b, y }, { ...this.writeShape, B: unrolled.rows }, 'linear'))
  }

  canvas(t: number): PlanTensor {
    const before = this.canvases[t] ?? this.zeros
    const y = this.nextCanvas(t + 1)
    this.page.unrolled.builder.push(residualAdd({ a: before, b: this.strokes[t], y }, 'linear'))
    return y
  }

  writeBackward(t: number, dcanvas: PlanTensor): void {
    const { decoder, unrolled } = this.page
    const { w, dw, db } = unrolled.arena.layer('write')
    const later = t < unrolled.steps - 1
    const tensors = { dy: dcanvas, x: decoder.h.at(t + 1), w, dx: decoder.dh, dw, db }
    unrolled.builder.push(denseBackward(tensors, this.writeShape, 'linear', { accumulate: later, add: later }))
  }

  readBackward(t: number, dcanvas: PlanTensor): void {
    const { encoder, decoder, unrolled } = this.page
    const tensors = { dy: encoder.dx, canvas: this.canvases[t], dcanvas, dh: decoder.dh }
    unrolled.builder.push(canvasReadBackward(tensors, this.readShape))
  }

  /** The gradients have been summed in every step: the canvas's gradient is no tape. */
  finish(): void {}

  /** The canvas before the strokes that step t finds. */
  private before(t: number): PlanTensor {
    return this.canvases[t - 1] ?? this.zeros
  }

  private nextCanvas(t: number): PlanTensor {
    return (this.canvases[t] ??= this.page.unrolled.slice(`canvas.${t}`, this.pixels))
  }

  private get readShape() {
    const { unrolled, encoder, decoder } = this.page
    return { B: unrolled.rows, N: this.pixels, D: decoder.lstm.units, E: encoder.lstm.units }
  }

  private get writeShape() {
    return { B: this.page.images, I: this.page.decoder.lstm.units, O: this.pixels }
  }
}
