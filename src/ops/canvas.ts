import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

interface CanvasShape {
  /** Rows. */
  B: number
  /** Pixels × channels of an image. */
  N: number
  /** Units of the decoder. */
  D: number
  /** Units of the encoder. */
  E: number
}

/** canvas = before + strokes, and what DRAW's encoder reads of it, `[x, x − sigmoid(canvas), h_dec, h_enc, 1, 1]`. */
export function canvasReadForward(
  t: Record<'x' | 'before' | 'strokes' | 'canvas' | 'decoder' | 'encoder' | 'y', PlanTensor>,
  { B, N, D, E }: CanvasShape,
): Dispatch {
  const { x, before, strokes, canvas, decoder, encoder, y } = t
  return {
    kernel: 'canvas_read_forward',
    constants: { B, N, D, E },
    bindings: { x, before, strokes, canvas, h_dec: decoder, h_enc: encoder, y },
    grid: [padTo4(2 * N + D + E + 2), B, 1],
    shape: `B${B} N${N} U${D}`,
    flops: 0,
  }
}

/** The gradient of `canvasReadForward`: that by the canvas is added to `dcanvas`, that by h_dec written to `dh`. */
export function canvasReadBackward(
  t: Record<'dy' | 'canvas' | 'dcanvas' | 'dh', PlanTensor>,
  { B, N, D, E }: CanvasShape,
): Dispatch {
  return {
    kernel: 'canvas_read_backward',
    constants: { B, N, D, E },
    bindings: { dy: t.dy, canvas: t.canvas, dcanvas: t.dcanvas, dh: t.dh },
    grid: [N + padTo4(D), B, 1],
    shape: `B${B} N${N} U${D}`,
    flops: 0,
  }
}
