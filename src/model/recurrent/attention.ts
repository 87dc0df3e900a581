import {
  ATTENTION_OUTPUTS, attentionReadBackward, attentionReadForward, attentionWriteBackward, attentionWriteForward,
  patchSize, readSaved, writeSaved,
} from '../../ops/attention.js'
import { denseBackwardWeight } from '../../ops/dense.js'
import type { PlanTensor } from '../../ops/dispatch.js'
import { denseParameters, type ParameterSpec } from '../parameters.js'
import { vectorShape } from '../shapes.js'
import type { Brush, CanvasShape, Page, Strokes } from './strokes.js'
import type { Tape } from './unrolled.js'

/** Filters each way of the two grids. */
export interface AttentionSizes {
  read: number
  write: number
}

/** The encoder reads glimpses through a grid of Gaussian filters, the decoder writes patches through another. */
export class AttentionBrush implements Brush {
  constructor(
    readonly image: CanvasShape,
    readonly sizes: AttentionSizes,
    /** Of the decoder. */
    private readonly units: number,
  ) {}

  get inputs(): number {
    return 2 * patchSize({ C: this.image.c, S: this.sizes.read })
  }

  get patch(): number {
    return patchSize({ C: this.image.c, S: this.sizes.write })
  }

  parameters(): ParameterSpec[] {
    const [state, outputs] = [vectorShape(this.units), vectorShape(ATTENTION_OUTPUTS)]
    return [
      ...denseParameters('read.attention', state, outputs),
      ...denseParameters('write', state, vectorShape(this.patch)),
      ...denseParameters('write.attention', state, outputs),
    ]
  }

  unroll(page: Page): Strokes {
    return new AttentionStrokes(this, page)
  }
}

class AttentionStrokes implements Strokes {
  readonly learnsToRead = true
  private readonly canvases: PlanTensor[]
  private readonly saved: { read: PlanTensor[]; write: PlanTensor[] }
  private readonly doutput: { read: Tape; write: Tape }
  private readonly dpatch: Tape
  private readonly parameters

  constructor(
    private readonly brush: AttentionBrush,
    private readonly page: Page,
  ) {
    const { unrolled } = page
    const each = (make: (t: number) => PlanTensor) => Array.from({ length: unrolled.steps }, (_, t) => make(t))
    this.canvases = [
      unrolled.zeros(this.pixels),
      ...each((t) => unrolled.slice(`canvas.${t + 1}`, this.pixels)),
    ]
    this.saved = {
      read: each((t) => unrolled.slice(`read.saved.${t}`, readSaved(this.shapeOf('read')))),
      write: each((t) => unrolled.slice(`write.saved.${t}`, writeSaved(this.shapeOf('write')))),
    }
    this.doutput = {
      read: unrolled.tape('read.doutput', ATTENTION_OUTPUTS),
      write: unrolled.tape('write.doutput', ATTENTION_OUTPUTS),
    }
    this.dpatch = unrolled.tape('write.dpatch', brush.patch)
    this.parameters = {
      read: unrolled.arena.span('read.attention.weight', 'read.attention.bias'),
      write: unrolled.arena.span('write.weight', 'write.attention.bias'),
    }
  }

  read(t: number): void {
    const { encoder, decoder, unrolled, x } = this.page
    const { tensor: w, quadOf } = this.parameters.read
    const states = { decoder: decoder.h.at(t), encoder: encoder.h.at(t) }
    const tensors = { x: x!, canvas: this.canvases[t], ...states, w, saved: this.saved.read[t], y: encoder.x.at(t) }
    unrolled.builder.push(attentionReadForward(tensors, this.readShape, { bias: quadOf('read.attention.bias') }))
  }

  write(t: number): void {
    const { decoder, unrolled } = this.page
    const canvases = { before: this.canvases[t], canvas: this.canvases[t + 1] }
    const tensors = { decoder: decoder.h.at(t + 1), w: this.parameters.write.tensor, saved: this.saved.write[t] }
    unrolled.builder.push(attentionWriteForward({ ...tensors, ...canvases }, this.shapeOf('write'), this.places))
  }

  canvas(t: number): PlanTensor {
    return this.canvases[t + 1]
  }

  writeBackward(t: number, dcanvas: PlanTensor): void {
    const { decoder, unrolled } = this.page
    const tensors = { dcanvas, w: this.parameters.write.tensor, saved: this.saved.write[t], dh: decoder.dh }
    const gradients = { dpatch: this.dpatch.at(t), doutput: this.doutput.write.at(t) }
    const add = t < unrolled.steps - 1
    const shape = this.shapeOf('write')
    unrolled.builder.push(attentionWriteBackward({ ...tensors, ...gradients }, shape, this.places, { add }))
  }

  readBackward(t: number, dcanvas: PlanTensor): void {
    const { encoder, decoder, unrolled, x } = this.page
    const read = { dy: encoder.dx, x: x!, canvas: this.canvases[t], w: this.parameters.read.tensor }
    const written = { saved: this.saved.read[t], dcanvas, dh: decoder.dh, doutput: this.doutput.read.at(t) }
    unrolled.builder.push(attentionReadBackward({ ...read, ...written }, this.readShape))
  }

  finish(): void {
    const { h } = this.page.decoder
    this.weightGradient('write', this.dpatch, h.from(1), this.brush.patch)
    this.weightGradient('write.attention', this.doutput.write, h.from(1), ATTENTION_OUTPUTS)
    this.weightGradient('read.attention', this.doutput.read, h.from(0), ATTENTION_OUTPUTS)
  }

  private weightGradient(path: string, dy: Tape, x: PlanTensor, O: number): void {
    const { decoder, unrolled } = this.page
    const { builder, arena, steps, rows } = unrolled
    const { dw, db } = arena.layer(path)
    builder.push(denseBackwardWeight({ dy: dy.whole, x, dw, db }, { B: steps * rows, I: decoder.lstm.units, O }))
  }

  private get pixels(): number {
    const { h, w, c } = this.brush.image
    return h * w * c
  }

  private shapeOf(grid: keyof AttentionSizes) {
    const { unrolled, decoder } = this.page
    const { image, sizes } = this.brush
    const B = unrolled.rows
    return { B, C: image.c, H: image.h, W: image.w, S: sizes[grid], D: decoder.lstm.units }
  }

  private get readShape() {
    return { ...this.shapeOf('read'), E: this.page.encoder.lstm.units }
  }

  private get places() {
    const { quadOf } = this.parameters.write
    return {
      patchBias: quadOf('write.bias'),
      attention: quadOf('write.attention.weight'),
      attentionBias: quadOf('write.attention.bias'),
    }
  }
}
