import { padTo4, rowLaneTilings, type Dispatch, type PlanTensor } from './dispatch.js'

// DRAW's grids of Gaussian filters (Gregor et al. 2015, section 3.2): the encoder reads an image through one, the
// decoder writes on its canvas through another. Images lie as (channel, row, column), with the same filters for all.

interface AttentionShape {
  /** Rows. */
  B: number
  C: number
  H: number
  W: number
  /** Filters each way, 2 or more. */
  S: number
  /** Units of the decoder. */
  D: number
}

/** Outputs that place a grid: g̃_X, g̃_Y, ln σ², ln δ̃, ln γ. */
export const ATTENTION_OUTPUTS = 5

/** Values of a patch, or of one of the two glimpses that the encoder reads. */
export function patchSize({ C, S }: Pick<AttentionShape, 'C' | 'S'>): number {
  return C * S * S
}

/** Elements that the forward pass of a row leaves for the backward pass. */
export function readSaved({ C, H, W, S }: Pick<AttentionShape, 'C' | 'H' | 'W' | 'S'>): number {
  return padTo4(2 * S * (W + H) + 2 * C * H * S + ATTENTION_OUTPUTS)
}

/** Likewise, of writing. */
export function writeSaved({ C, H, W, S }: Pick<AttentionShape, 'C' | 'H' | 'W' | 'S'>): number {
  return padTo4(2 * S * (W + H) + C * S * W + 8 + patchSize({ C, S }))
}

/**
 * What the encoder's product reads, `[glimpse of x, glimpse of x − sigmoid(canvas), h_dec, h_enc, 1, 1]`.
 * @param t.w all parameters of the reading grid, the bias from quad `bias` on
 * @param E units of the encoder
 */
export function attentionReadForward(
  t: Record<'x' | 'canvas' | 'decoder' | 'encoder' | 'w' | 'saved' | 'y', PlanTensor>,
  shape: AttentionShape & { E: number },
  { bias }: { bias: number },
): Dispatch {
  const { x, canvas, decoder, encoder, w, saved, y } = t
  return {
    ...rowLaneTilings('attention_read_forward', { ...shape, BIAS: bias }, shape.B, shape.W),
    bindings: { x, canvas, h_dec: decoder, h_enc: encoder, w, saved, y },
    shape: describe(shape),
    flops: 0,
  }
}

/** The gradient of `attentionReadForward`; that by the canvas is added to `dcanvas`. */
export function attentionReadBackward(
  t: Record<'dy' | 'x' | 'canvas' | 'w' | 'saved' | 'dcanvas' | 'dh' | 'doutput', PlanTensor>,
  shape: AttentionShape & { E: number },
): Dispatch {
  const { dy, x, canvas, w, saved, dcanvas, dh, doutput } = t
  return {
    ...rowLaneTilings('attention_read_backward', { ...shape }, shape.B, shape.W),
    bindings: { dy, x, canvas, w, saved, dcanvas, dh, doutput },
    shape: describe(shape),
    flops: 0,
  }
}

/** Where the parameters of writing lie in their tensor, in quads; the patch's weights come first. */
export interface WritePlaces {
  patchBias: number
  attention: number
  attentionBias: number
}

/** canvas = before + what the decoder's state writes. */
export function attentionWriteForward(
  t: Record<'decoder' | 'w' | 'before' | 'saved' | 'canvas', PlanTensor>,
  shape: AttentionShape,
  { patchBias, attention, attentionBias }: WritePlaces,
): Dispatch {
  const constants = { ...shape, P_BIAS: patchBias, A: attention, A_BIAS: attentionBias }
  const { decoder, w, before, saved, canvas } = t
  return {
    ...rowLaneTilings('attention_write_forward', constants, shape.B, shape.W),
    bindings: { h_dec: decoder, w, before, saved, canvas },
    shape: describe(shape),
    flops: 0,
  }
}

/**
 * The gradient of `attentionWriteForward`; that by `before` is `dcanvas` itself.
 * @param add `dh` holds the gradients from other readers of the decoder's state, and this one is added
 */
export function attentionWriteBackward(
  t: Record<'dcanvas' | 'w' | 'saved' | 'dh' | 'dpatch' | 'doutput', PlanTensor>,
  shape: AttentionShape,
  { attention }: Pick<WritePlaces, 'attention'>,
  { add = false }: { add?: boolean } = {},
): Dispatch {
  const { dcanvas, w, saved, dh, dpatch, doutput } = t
  const tilings = rowLaneTilings('attention_write_backward', { ...shape, A: attention, ADD: Number(add) }, shape.B, shape.W)
  return { ...tilings, bindings: { dcanvas, w, saved, dh, dpatch, doutput }, shape: describe(shape), flops: 0 }
}

function describe({ B, C, H, W, S, D }: AttentionShape): string {
  return `B${B} ${H}x${W}x${C} S${S} U${D}`
}
