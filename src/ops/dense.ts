import { activationCode, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

/** Rows of features, each row padded with zeros to whole vectors: x is (B, I), y (B, O), w (O, I), b (O). */
interface DenseShape {
  /** Rows, a multiple of 8. */
  B: number
  /** Input features. */
  I: number
  /** Output features. */
  O: number
}

/** Invocations a workgroup of the tiled kernels, which have one-dimensional grids. */
const WORKGROUP = 16

/** Fewer tiles of 8 × 16 than this leave processors idle. */
const FEW_TILES = 16

/** What a multiply-add costs in a tile of 4 × 4 beside one of 8 × 16, which loads fewer values for it (measured). */
const NARROW_COST = 1.6

/** y[n,o] = act(b[o] + Σ_i x[n,i] · w[o,i]); features past O are written 0. */
export function denseForward(
  t: { x: PlanTensor; w: PlanTensor; b: PlanTensor; y: PlanTensor },
  { B, I, O }: DenseShape,
  activation: Activation,
): Dispatch {
  const narrow = isNarrow([B, O])
  return {
    kernel: narrow ? 'dense_forward_narrow' : 'dense_forward',
    constants: { WG_X: WORKGROUP, B, I, O, ACTIVATION: activationCode(activation) },
    bindings: { x: t.x, w: t.w, b: t.b, y: t.y },
    grid: [narrow ? narrowTiles(B, O) : tiles(B, O), 1, 1],
    shape: `B${B} I${I} O${O}`,
    flops: 2 * B * I * O,
  }
}

/**
 * Both gradients of `denseForward` in one dispatch; dy is the gradient with respect to the value before the activation.
 * dx[n,i] = act'(x[n,i]) · Σ_o dy[n,o] · w[o,i], act being the activation that made x;
 * dw[o,i] = Σ_n dy[n,o] · x[n,i]; db[o] = Σ_n dy[n,o].
 */
export function denseBackward(
  t: { dy: PlanTensor; x: PlanTensor; w: PlanTensor; dx: PlanTensor; dw: PlanTensor; db: PlanTensor },
  { B, I, O }: DenseShape,
  activationX: Activation,
): Dispatch {
  const narrow = isNarrow([B, I], [O, I])
  const count = narrow ? narrowTiles : tiles
  return {
    kernel: narrow ? 'dense_backward_narrow' : 'dense_backward',
    constants: { WG_X: WORKGROUP, B, I, O, ACTIVATION_X: activationCode(activationX) },
    bindings: { dy: t.dy, w: t.w, x: t.x, dx: t.dx, dw: t.dw, db: t.db },
    grid: [Math.ceil(count(B, I) / WORKGROUP) * WORKGROUP + count(O, I), 1, 1],
    shape: `B${B} I${I} O${O}`,
    flops: 4 * B * I * O,
  }
}

/** The parameters' part of `denseBackward`, for a layer whose input needs no gradient. */
export function denseBackwardWeight(
  t: { dy: PlanTensor; x: PlanTensor; dw: PlanTensor; db: PlanTensor },
  { B, I, O }: DenseShape,
): Dispatch {
  return {
    kernel: 'dense_backward_weight',
    constants: { WG_X: WORKGROUP, B, I, O },
    bindings: { dy: t.dy, x: t.x, dw: t.dw, db: t.db },
    grid: [tiles(O, I), 1, 1],
    shape: `B${B} I${I} O${O}`,
    flops: 2 * B * I * O,
  }
}

/** `denseForward` with one invocation per output value: the benchmark's yardstick. */
export function denseForwardNaive(
  t: { x: PlanTensor; w: PlanTensor; b: PlanTensor; y: PlanTensor },
  { B, I, O }: DenseShape,
  activation: Activation,
): Dispatch {
  return {
    kernel: 'dense_forward_naive',
    constants: { B, I, O, ACTIVATION: activationCode(activation) },
    bindings: { x: t.x, w: t.w, b: t.b, y: t.y },
    grid: [padTo4(O), B, 1],
    shape: `B${B} I${I} O${O}`,
    flops: 2 * B * I * O,
  }
}

/** dx of `denseBackward` with one invocation per value: the benchmark's yardstick. */
export function denseBackwardInputNaive(
  t: { dy: PlanTensor; x: PlanTensor; w: PlanTensor; dx: PlanTensor },
  { B, I, O }: DenseShape,
  activationX: Activation,
): Dispatch {
  return {
    kernel: 'dense_backward_input_naive',
    constants: { B, I, O, ACTIVATION_X: activationCode(activationX) },
    bindings: { dy: t.dy, w: t.w, x: t.x, dx: t.dx },
    grid: [padTo4(I), B, 1],
    shape: `B${B} I${I} O${O}`,
    flops: 2 * B * I * O,
  }
}

/** `denseBackwardWeight` with one invocation per value of dw: the benchmark's yardstick. */
export function denseBackwardWeightNaive(
  t: { dy: PlanTensor; x: PlanTensor; dw: PlanTensor; db: PlanTensor },
  { B, I, O }: DenseShape,
): Dispatch {
  return {
    kernel: 'dense_backward_weight_naive',
    constants: { B, I, O },
    bindings: { dy: t.dy, x: t.x, dw: t.dw, db: t.db },
    grid: [padTo4(I), padTo4(O), 1],
    shape: `B${B} I${I} O${O}`,
    flops: 2 * B * I * O,
  }
}

/** Whether tiles of 4 × 4 suit these results better than tiles of 8 × 16, which are few or mostly padding. */
function isNarrow(...results: [rows: number, columns: number][]): boolean {
  let wide = 0
  let narrow = 0
  for (const [rows, columns] of results) {
    wide += tiles(rows, columns)
    narrow += narrowTiles(rows, columns)
  }
  return wide < FEW_TILES || wide * 8 * 16 > NARROW_COST * narrow * 4 * 4
}

function tiles(rows: number, columns: number): number {
  return Math.ceil(rows / 8) * Math.ceil(columns / 16)
}

function narrowTiles(rows: number, columns: number): number {
  return Math.ceil(rows / 4) * Math.ceil(columns / 4)
}
