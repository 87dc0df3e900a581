import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor, type Tiling } from './dispatch.js'

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
  const ACTIVATION = activationCode(activation)
  const tiling = (kernel: string, rows: number, columns: number): Tiling => {
    return { kernel, constants: { WG_X: WORKGROUP, ACTIVATION }, grid: [tiles(B, O, rows, columns), 1, 1] }
  }
  const narrow = tiling('dense_forward_narrow', 4, 4)
  const onGroups = (kernel: string, lanes: number, size: number): Tiling => {
    return { kernel, constants: { ACTIVATION }, grid: [lanes * tiles(B, O, size, size), 1, 1] }
  }
  const split = onHardware(onGroups('dense_forward_split', 128, 16))
  const shared = onHardware(onGroups('dense_forward_shared', 64, 32), narrow)
  const others = [tiling('dense_forward_wide', 16, 16), ...shared, ...split]
  return {
    ...(isNarrow([B, O]) ? { ...narrow, tilings: split } : { ...tiling('dense_forward', 8, 16), tilings: others }),
    params: { B, I, O, SLOPE: activationSlope(activation) },
    bindings: { x: t.x, w: t.w, b: t.b, y: t.y },
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
  t: BackwardTensors,
  shape: DenseShape,
  activationX: Activation,
  options: BackwardOptions = {},
): Dispatch {
  return backward(t, shape, activationX, { ...options, inputs: true, weights: true })
}

/** The parameters' part of `denseBackward`, for a layer whose input needs no gradient. */
export function denseBackwardWeight(
  t: Omit<BackwardTensors, 'w' | 'dx'>,
  shape: DenseShape,
  options: Pick<BackwardOptions, 'accumulate'> = {},
): Dispatch {
  return backward({ ...t, w: t.dy, dx: unused('dx') }, shape, 'linear', { ...options, inputs: false, weights: true })
}

/** The input's part of `denseBackward`, for a layer whose parameters need no gradient. */
export function denseBackwardInput(
  t: Omit<BackwardTensors, 'dw' | 'db'>,
  shape: DenseShape,
  activationX: Activation,
  options: Pick<BackwardOptions, 'add'> = {},
): Dispatch {
  const all = { ...t, dw: unused('dw'), db: unused('db') }
  return backward(all, shape, activationX, { ...options, inputs: true, weights: false })
}

type BackwardTensors = Record<'dy' | 'x' | 'w' | 'dx' | 'dw' | 'db', PlanTensor>

/** Unless given, gradients are written over what is there. */
interface BackwardOptions {
  /** dw and db hold the gradients from other uses of the layer, and these are added to them. */
  accumulate?: boolean
  /** dx holds the gradients from other readers of x, without the factor act'(x): dx = act'(x) · (dx + Σ). */
  add?: boolean
}

/** Without `inputs` w is not read and dx not written; the grid of a dispatch without `weights` ends before their tiles. */
function backward(
  t: BackwardTensors,
  { B, I, O }: DenseShape,
  activationX: Activation,
  { inputs, weights, accumulate = false, add = false }: BackwardOptions & { inputs: boolean; weights: boolean },
): Dispatch {
  const [INPUTS, WEIGHTS] = [Number(inputs), Number(weights)]
  const constants = { ACTIVATION_X: activationCode(activationX), ADD: Number(add), ACCUMULATE: Number(accumulate) }
  const tiling = (kernel: string, rows: number, columns: number): Tiling => {
    const inputGroups = Math.ceil((INPUTS * tiles(B, I, rows, columns)) / WORKGROUP)
    const grid: Tiling['grid'] = [inputGroups * WORKGROUP + WEIGHTS * tiles(O, I, rows, columns), 1, 1]
    return { kernel, constants: { WG_X: WORKGROUP, ...constants }, grid }
  }
  const narrow = tiling('dense_backward_narrow', 4, 4)
  const onGroups = (kernel: string, lanes: number, size: number): Tiling => {
    const groups = INPUTS * tiles(B, I, size, size) + WEIGHTS * tiles(O, I, size, size)
    return { kernel, constants, grid: [lanes * groups, 1, 1] }
  }
  const split = onHardware(onGroups('dense_backward_split', 128, 16))
  const shared = onHardware(onGroups('dense_backward_shared', 64, 32), narrow)
  const others = [tiling('dense_backward_wide', 16, 16), ...shared, ...split]
  const results: [number, number][] = [...(inputs ? [B] : []), ...(weights ? [O] : [])].map((rows) => [rows, I])
  return {
    ...(isNarrow(...results) ? { ...narrow, tilings: split } : { ...tiling('dense_backward', 8, 16), tilings: others }),
    params: { B, I, O, INPUTS, SLOPE_X: activationSlope(activationX) },
    bindings: { dy: t.dy, w: t.w, x: t.x, dx: t.dx, dw: t.dw, db: t.db },
    shape: `B${B} I${I} O${O}${inputs && weights ? '' : inputs ? ' dx' : ' dw'}`,
    flops: 2 * (INPUTS + WEIGHTS) * B * I * O,
  }
}

/** y = x w of weights (I, O), which lie transposed: the input's part of `denseBackward` from the other side. */
export function denseForwardTransposed(
  t: { x: PlanTensor; w: PlanTensor; y: PlanTensor },
  { B, I, O }: DenseShape,
): Dispatch {
  return denseBackwardInput({ dy: t.x, w: t.w, x: unused('x'), dx: t.y }, { B, I: O, O: I }, 'linear')
}

/** `denseForward` with one invocation per output value: the benchmark's yardstick. */
export function denseForwardNaive(
  t: { x: PlanTensor; w: PlanTensor; b: PlanTensor; y: PlanTensor },
  { B, I, O }: DenseShape,
  activation: Activation,
): Dispatch {
  return {
    kernel: 'dense_forward_naive',
    constants: { B, I, O, ACTIVATION: activationCode(activation), SLOPE: activationSlope(activation) },
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
    constants: { B, I, O, ACTIVATION_X: activationCode(activationX), SLOPE_X: activationSlope(activationX) },
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
  let base = 0
  let narrow = 0
  for (const [rows, columns] of results) {
    base += tiles(rows, columns, 8, 16)
    narrow += tiles(rows, columns, 4, 4)
  }
  return base < FEW_TILES || base * 8 * 16 > NARROW_COST * narrow * 4 * 4
}

/** Tilings that lost by far on every shape that was measured on a software adapter. */
function onHardware(...tilings: Tiling[]): Tiling[] {
  return tilings.map((tiling) => ({ ...tiling, hardwareOnly: true }))
}

/** Stands in for a tensor that is not asked for, or not read: kernels bind all of them. */
function unused(name: string): PlanTensor {
  return { name: `unused ${name}`, elements: 4, storage: 'activation', offset: 0 }
}

/** Tiles of that size that cover a result. */
function tiles(rows: number, columns: number, tileRows: number, tileColumns: number): number {
  return Math.ceil(rows / tileRows) * Math.ceil(columns / tileColumns)
}
