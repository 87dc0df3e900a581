import { denseBackwardWeight, denseForward, denseForwardTransposed } from './dense.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

// An LSTM as PyTorch's LSTMCell, gates in the order input, forget, cell, output: one product makes the gates of a step,
// and stacked alike, `[lstmWidth, 4U]`: weight_ih, weight_hh, bias_ih, bias_hh. One product gives their gradients.
// and stacked alike, `[lstmWidth, 4U]`: weight_ih, weight_hh, bias_ih, bias_hh. So all their gradients are one product.

interface LstmShape {
  /** Rows, a multiple of 8. */
  B: number
  /** Values of the input. */
  I: number
  /** Units. */
  U: number
}

/** Values of a row that the product reads, without padding. */
export function lstmWidth({ I, U }: Pick<LstmShape, 'I' | 'U'>): number {
  return I + U + 2
}

/** gates = [x, h, 1, 1] · w */
export function lstmGates(t: Record<'x' | 'w' | 'gates', PlanTensor>, { B, I, U }: LstmShape): Dispatch {
  return denseForwardTransposed({ x: t.x, w: t.w, y: t.gates }, { B, I: lstmWidth({ I, U }), O: 4 * U })
}

/** dx = dgates · wᵀ, the gradient by all that the product reads; `zeros` holds lstmWidth zeros at least. */
export function lstmInputBackward(
  t: Record<'dgates' | 'w' | 'zeros' | 'dx', PlanTensor>,
  { B, I, U }: LstmShape,
): Dispatch {
  const shape = { B, I: 4 * U, O: lstmWidth({ I, U }) }
  return denseForward({ x: t.dgates, w: t.w, b: t.zeros, y: t.dx }, shape, 'linear')
}

/** dw = [x, h, 1, 1]ᵀ dgates over all rows: of all steps, where those lie behind one another. `sums` is scratch. */
export function lstmWeightBackward(
  t: Record<'x' | 'dgates' | 'dw' | 'sums', PlanTensor>,
  { B, I, U }: LstmShape,
): Dispatch {
  return denseBackwardWeight({ dy: t.x, x: t.dgates, dw: t.dw, db: t.sums }, { B, I: 4 * U, O: lstmWidth({ I, U }) })
}

/** c = f · c_before + i · g, h = o · tanh(c); the gates are overwritten by their activations. */
export function lstmForward(
  t: { gates: PlanTensor; before: PlanTensor; c: PlanTensor; h: PlanTensor },
  { B, U }: Pick<LstmShape, 'B' | 'U'>,
): Dispatch {
  return {
    kernel: 'lstm_forward',
    constants: { B, U },
    bindings: { gates: t.gates, c_before: t.before, c: t.c, h: t.h },
    grid: [padTo4(U), B, 1],
    shape: `B${B} U${U}`,
    flops: 0,
  }
}

/**
 * The gates, as `lstmForward` left them, are overwritten by their gradients, `dc` by that of the state before; rows past
 * the batch by zeros.
 * @param later the gradient by the input of a product of the step after, rows of `stride` values in which h begins at
 *   `offset`; nothing for the last step, where `dc` holds nothing yet
 */
export function lstmBackward(
  t: { gates: PlanTensor; before: PlanTensor; c: PlanTensor; dc: PlanTensor; dh: PlanTensor },
  { B, U }: Pick<LstmShape, 'B' | 'U'>,
  later?: { dx: PlanTensor; stride: number; offset: number },
): Dispatch {
  const { dx, stride, offset } = later ?? { dx: t.dh, stride: 0, offset: 0 }
  return {
    kernel: 'lstm_backward',
    constants: { B, U, STRIDE_X: stride, OFFSET: offset, LAST: Number(later === undefined) },
    bindings: { gates: t.gates, c_before: t.before, c: t.c, dc: t.dc, dh: t.dh, dx },
    grid: [U, B, 1],
    shape: `B${B} U${U}`,
    flops: 0,
  }
}
