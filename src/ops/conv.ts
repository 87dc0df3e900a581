import { ShapeError } from '../errors.js'
import { activationCode, activationSlope, type Activation } from './activation.js'
import { padRows, type Dispatch, type PlanTensor } from './dispatch.js'

/**
 * A convolution of stride `S` over `B` images, x being 0 outside the image:
 *
 *     y[n,ho,wo,co] = b[co] + Σ_{kh,kw,ci} x[n, ho·S + kh − padTop, wo·S + kw − padLeft, ci] · w[co,kh,kw,ci]
 *
 * A transposed convolution is described by the convolution whose gradient it is: it reads `(B, Ho, Wo, Co)` and writes
 * `(B, H, W, Ci)`.
 */
export interface ConvShape {
  B: number
  H: number
  W: number
  Ci: number
  Ho: number
  Wo: number
  Co: number
  Kh: number
  Kw: number
  S: number
  padTop: number
  padLeft: number
}

/**
 * The weight inside is `(Co, Kh, Kw, Ci)`: these axes of PyTorch's `[out, in, kh, kw]` (convolution) or
 * `[in, out, kh, kw]` (transposed), in both of which the first is `Co` of the shape and the second `Ci`. No padding.
 */
export const CONV_WEIGHT_AXES: readonly number[] = [0, 2, 3, 1]

/** `skip`, shaped as y, is added after the activation. */
export interface ConvForwardTensors {
  x: PlanTensor
  w: PlanTensor
  b: PlanTensor
  y: PlanTensor
  skip?: PlanTensor
}

/** `dskip`, shaped as dx, is added before the factor `act'(x)`. */
export interface ConvBackwardInputTensors {
  dy: PlanTensor
  w: PlanTensor
  x: PlanTensor
  dx: PlanTensor
  dskip?: PlanTensor
}

/** `parts` is scratch of `convWeightParts` elements, where that asks for it. */
export interface ConvBackwardWeightTensors {
  x: PlanTensor
  dy: PlanTensor
  dw: PlanTensor
  db: PlanTensor
  parts?: { dw: PlanTensor; db: PlanTensor }
}

/** With `accumulate` dw and db hold the gradients from other uses of the layer, and this one is added to them. */
interface ConvWeightOptions {
  accumulate?: boolean
}

/** Invocations that a weight gradient should have at least: its sums are long and its tiles may be few. */
const INVOCATIONS = 4096
const MOST_SPLITS = 64

/** `y = act(b + x ⋆ w) + skip`; x `(B, H, W, Ci)`, y `(B, Ho, Wo, Co)`. */
export function convForward(t: ConvForwardTensors, shape: ConvShape, activation: Activation): Dispatch {
  return reduceTaps(t.x, t.w, t.y, forwardEpilogue(t, activation), shape)
}

/** `dx = (dy ⋆ᵀ w + dskip) · act'(x)`, where `activationX` is the activation that made x. */
export function convBackwardInput(t: ConvBackwardInputTensors, shape: ConvShape, activationX: Activation): Dispatch {
  return spreadTaps(t.dy, t.w, t.dx, backwardEpilogue(t, activationX), shape)
}

/** `dw = dyᵀ ⋆ x` and `db[co] = Σ dy`, both overwritten unless they `accumulate`. */
export function convBackwardWeight(
  t: ConvBackwardWeightTensors,
  shape: ConvShape,
  options: ConvWeightOptions = {},
): Dispatch[] {
  return backwardWeight(t.x, t.dy, t, false, shape, options)
}

/** `y = act(b + x ⋆ᵀ w) + skip`; x `(B, Ho, Wo, Co)`, y `(B, H, W, Ci)`, b `(Ci)`. */
export function convTransposeForward(t: ConvForwardTensors, shape: ConvShape, activation: Activation): Dispatch {
  return spreadTaps(t.x, t.w, t.y, forwardEpilogue(t, activation), shape)
}

/** `dx = (dy ⋆ w + dskip) · act'(x)`; dy `(B, H, W, Ci)`, dx `(B, Ho, Wo, Co)`. */
export function convTransposeBackwardInput(
  t: ConvBackwardInputTensors,
  shape: ConvShape,
  activationX: Activation,
): Dispatch {
  return reduceTaps(t.dy, t.w, t.dx, backwardEpilogue(t, activationX), shape)
}

/** `dw = xᵀ ⋆ dy` and `db[ci] = Σ dy`, both overwritten unless they `accumulate`. */
export function convTransposeBackwardWeight(
  t: ConvBackwardWeightTensors,
  shape: ConvShape,
  options: ConvWeightOptions = {},
): Dispatch[] {
  return backwardWeight(t.dy, t.x, t, true, shape, options)
}

/** Elements of the scratch that the weight gradient needs, or undefined where one invocation sums a whole tile. */
export function convWeightParts(shape: ConvShape, transposed: boolean): { dw: number; db: number } | undefined {
  const splits = weightSplits(shape, transposed)
  if (splits === 1) return undefined
  return { dw: splits * shape.Co * shape.Kh * shape.Kw * shape.Ci, db: splits * (transposed ? shape.Ci : shape.Co) }
}

/** `(act(b + Σ) + skip) · act'(activated)`, each part where it is given. */
interface Epilogue {
  b?: PlanTensor
  activation: Activation
  skip?: PlanTensor
  activated?: PlanTensor
  activationX: Activation
}

function forwardEpilogue({ b, skip }: ConvForwardTensors, activation: Activation): Epilogue {
  return { b, activation, skip, activationX: 'linear' }
}

function backwardEpilogue({ x, dskip }: ConvBackwardInputTensors, activationX: Activation): Epilogue {
  return { activation: 'linear', skip: dskip, activated: activationX === 'linear' ? undefined : x, activationX }
}

/** From `(B, H, W, Ci)` to `(B, Ho, Wo, Co)`. */
function reduceTaps(x: PlanTensor, w: PlanTensor, y: PlanTensor, epilogue: Epilogue, shape: ConvShape): Dispatch {
  const { B, Ci, Ho, Wo, Co } = shape
  const common = { ...describe(shape), ...taps(shape, w, epilogue, { x, y }) }
  if (Ci % 4 === 0 && Co < 4) {
    return specialized({ ...common, kernel: 'conv_forward_narrow', grid: [Co, Ho * Math.ceil(Wo / 2), padRows(B) / 8] })
  }
  const kernel = Ci % 4 === 0 && Co % 4 === 0 ? 'conv_forward' : 'conv_forward_scalar'
  return onTiles({ ...common, kernel, grid: [Math.ceil(Co / 16), Ho * Wo, padRows(B) / 8] }, Co)
}

/** From `(B, Ho, Wo, Co)` to `(B, H, W, Ci)`. */
function spreadTaps(dy: PlanTensor, w: PlanTensor, dx: PlanTensor, epilogue: Epilogue, shape: ConvShape): Dispatch {
  const { B, H, W, Ci, Co, S } = shape
  const common = { ...describe(shape), ...taps(shape, w, epilogue, { dy, dx }) }
  if (Co % 4 === 0 && Ci < 4) {
    const pairs = S * Math.ceil(W / (2 * S))
    return specialized({ ...common, kernel: 'conv_backward_input_narrow', grid: [Ci, H * pairs, padRows(B) / 8] })
  }
  const kernel = Ci % 4 === 0 && Co % 4 === 0 ? 'conv_backward_input' : 'conv_backward_input_scalar'
  return onTiles({ ...common, kernel, grid: [Math.ceil(Ci / 16), H * W, padRows(B) / 8] }, Ci)
}

function backwardWeight(
  x: PlanTensor,
  dy: PlanTensor,
  { dw, db, parts }: ConvBackwardWeightTensors,
  transposed: boolean,
  shape: ConvShape,
  { accumulate = false }: ConvWeightOptions,
): Dispatch[] {
  const SPLITS = weightSplits(shape, transposed)
  const whole = SPLITS === 1 // else slices are written, and conv_reduce adds them up
  const { tiles, kernel } = weightTiling(shape, transposed)
  const out = whole ? { dw, db } : parts
  if (!out) throw new ShapeError(`${kernel}: "parts" is missing, needs ${SPLITS} slices of dw and db (convWeightParts)`)
  const { Ci, Co, Kh, Kw } = shape
  const WG_Y = SPLITS < 8 ? 1 : 8 // of two kinds only: every other is a pipeline more to compile
  const workgroup = { WG_X: 64 / WG_Y, WG_Y }
  const fixed = { ...workgroup, ACCUMULATE: Number(accumulate && whole) }
  const sizes = { B: padRows(shape.B), SPLITS }
  const common = { ...describe(shape), kernel, grid: [tiles, SPLITS, 1] as Dispatch['grid'] }
  const sums: Dispatch =
    kernel === 'conv_backward_weight'
      ? {
          ...common,
          constants: { ...fixed, WIDE: Number(Ci > 8) },
          params: { ...sizes, ...geometry(shape), TRANSPOSED: Number(transposed) },
          bindings: { x, dy, dw: out.dw, db: out.db },
        }
      : { ...common, ...scalarWeight({ ...fixed, ...sizes }, { x, dy, dw: out.dw, db: out.db }, transposed, shape) }
  if (whole) return [sums]
  const NW = Co * Kh * Kw * Ci
  const NB = transposed ? Ci : Co
  return [
    sums,
    {
      kernel: 'conv_reduce',
      constants: { ACCUMULATE: Number(accumulate) },
      params: { NW, NB, SPLITS },
      bindings: { parts_w: out.dw, parts_b: out.db, dw, db },
      grid: [NW + NB, 1, 1],
      shape: `${SPLITS} of ${Co}x${Kh}x${Kw}x${Ci}`,
      flops: 0,
    },
  ]
}

/** Which tensor lends 8 neighbouring channels to a tile, and which 9 neighbours in (kh, kw, channel). */
function scalarWeight(
  constants: Record<string, number>,
  { x, dy, dw, db }: Record<'x' | 'dy' | 'dw' | 'db', PlanTensor>,
  transposed: boolean,
  shape: ConvShape,
): Pick<Dispatch, 'constants' | 'bindings'> {
  const { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, padTop, padLeft } = shape
  const byInput = isByInput(shape)
  const roles = byInput
    ? { Hm: H, Wm: W, M: Ci, Hf: Ho, Wf: Wo, F: Co, SIGN: -1, TOP: padTop, LEFT: padLeft }
    : { Hm: Ho, Wm: Wo, M: Co, Hf: H, Wf: W, F: Ci, SIGN: 1, TOP: -padTop, LEFT: -padLeft }
  const strides = byInput
    ? { M_STRIDE: 1, TAP_STRIDE: Ci, F_STRIDE: Kh * Kw * Ci }
    : { M_STRIDE: Kh * Kw * Ci, TAP_STRIDE: Ci, F_STRIDE: 1 }
  return {
    constants: { ...constants, ...roles, Kh, Kw, S, ...strides, BIAS_OF_FEW: Number(byInput !== transposed) },
    bindings: { many: byInput ? x : dy, few: byInput ? dy : x, dw, db },
  }
}

/** The scalar tiling may go over the pixels of x instead of dy where both have as many. */
function isByInput({ Ci, Co, Kh, Kw, S }: ConvShape): boolean {
  return S === 1 && scalarTiles(Ci, Kh * Kw * Co) < scalarTiles(Co, Kh * Kw * Ci)
}

function scalarTiles(many: number, few: number): number {
  return Math.ceil(many / 8) * Math.ceil(few / 9)
}

function weightTiling(shape: ConvShape, transposed: boolean): { tiles: number; kernel: string } {
  const { Ci, Co, Kh, Kw } = shape
  const biasTiles = Math.ceil((transposed ? Ci : Co) / 8)
  if (Ci % 4 === 0 && Co % 4 === 0) {
    return { kernel: 'conv_backward_weight', tiles: Math.ceil(Co / 8) * Kh * Kw * Math.ceil(Ci / 16) + biasTiles }
  }
  const tiles = isByInput(shape) ? scalarTiles(Ci, Kh * Kw * Co) : scalarTiles(Co, Kh * Kw * Ci)
  return { kernel: 'conv_backward_weight_scalar', tiles: tiles + biasTiles }
}

/** Enough slices of the sum over images and rows for INVOCATIONS, none of them empty. */
function weightSplits(shape: ConvShape, transposed: boolean): number {
  const rows = (padRows(shape.B) / 4) * (isByInput(shape) ? shape.H : shape.Ho)
  const wanted = Math.ceil(INVOCATIONS / weightTiling(shape, transposed).tiles)
  return Math.max(1, Math.min(wanted, rows, MOST_SPLITS))
}

function geometry({ H, W, Ci, Ho, Wo, Co, Kh, Kw, S, padTop, padLeft }: ConvShape): Record<string, number> {
  return { H, W, Ci, Ho, Wo, Co, Kh, Kw, S, PAD_TOP: padTop, PAD_LEFT: padLeft }
}

/** What the kernels that go over the taps have in common; `w` stands in for the tensors that are not read. */
function taps(
  shape: ConvShape,
  w: PlanTensor,
  { b, activation, skip, activated, activationX }: Epilogue,
  ends: Record<string, PlanTensor>,
): Pick<Dispatch, 'constants' | 'params' | 'bindings'> {
  return {
    constants: {
      BIAS: Number(b !== undefined),
      ACTIVATION: activationCode(activation),
      SKIP: Number(skip !== undefined),
      ACTIVATED: Number(activated !== undefined),
      ACTIVATION_X: activationCode(activationX),
    },
    params: { ...geometry(shape), SLOPE: activationSlope(activation), SLOPE_X: activationSlope(activationX) },
    bindings: { w, b: b ?? w, skip: skip ?? w, activated: activated ?? w, ...ends },
  }
}

/** Workgroups of 64 tiles, no wider than the channels of the result ask for. */
function onTiles(dispatch: Dispatch, channels: number): Dispatch {
  const { kernel, constants, grid } = dispatch
  const WG_X = Math.min(grid[0], 2)
  const workgroup = { WG_X, WG_Y: 64 / WG_X }
  if (kernel.endsWith('_scalar')) return specialized({ ...dispatch, constants: { ...constants, ...workgroup } })
  return { ...dispatch, constants: { ...constants, ...workgroup, WIDE: Number(channels > 8) } }
}

/** Kernels for few channels divide by them for every value: what is fixed is compiled in. */
function specialized({ constants, params, ...rest }: Dispatch): Dispatch {
  return { ...rest, constants: { ...constants, ...params } }
}

/** The multiply-adds of all taps, those outside the image counted too. */
function describe({ B, H, W, Ci, Ho, Wo, Co, Kh, Kw, S }: ConvShape): Pick<Dispatch, 'shape' | 'flops'> {
  return {
    shape: `B${B} ${H}x${W}x${Ci} to ${Ho}x${Wo}x${Co} K${Kh}x${Kw} S${S}`,
    flops: 2 * B * Ho * Wo * Co * Kh * Kw * Ci,
  }
}
