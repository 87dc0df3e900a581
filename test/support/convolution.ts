import type { Activation } from '../../src/ops/activation.js'
import {
  convBackwardInput, convBackwardWeight, convForward, convTransposeBackwardInput, convTransposeBackwardWeight,
  convTransposeForward, convWeightParts, CONV_WEIGHT_AXES, type ConvShape,
} from '../../src/ops/conv.js'
import { padRows, padTo4, type Dispatch } from '../../src/ops/dispatch.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import * as conv from '../reference/conv.js'
import * as transpose from '../reference/conv-transpose.js'
import { uniformArray } from '../reference/formula.js'
import { convWindow } from '../reference/window.js'
import { activationBounds, derivativeBounds, expectWithin, sumBounds } from './bounds.js'
import { magnitudes, padExpected, padMatrix, randomActivations, randomGradients } from './matrix.js'
import { runKernels, tensorsOf } from './run-kernel.js'

/** A layer to check: as PyTorch would describe it. */
export interface Case extends conv.ConvShape {
  transposed: boolean
  activation: Activation
  /** Something is added to y and to dx. */
  skip: boolean
}

/** The same for every row that is allocated. */
function withRows(shape: Case): Case {
  return { ...shape, B: padRows(shape.B) }
}

/** Size of the layer's output. */
export function output(shape: Case): { Ho: number; Wo: number; features: number } {
  const { Ho, Wo } = shape.transposed ? transpose.convTransposeOutput(shape) : conv.convOutput(shape)
  return { Ho, Wo, features: Ho * Wo * shape.Co }
}

/** The convolution that the operations describe both by: a transposed one goes from its output to its input. */
function convolution(shape: Case): ConvShape {
  const { B, H, W, Ci, Co, Kh, Kw, S, padding, transposed } = shape
  const { Ho, Wo } = output(shape)
  const ends = transposed ? { H: Ho, W: Wo, Ci: Co, Ho: H, Wo: W, Co: Ci } : { H, W, Ci, Ho, Wo, Co }
  const padTop = convWindow(ends.H, Kh, S, padding).before
  const padLeft = convWindow(ends.W, Kw, S, padding).before
  return { B, ...ends, Kh, Kw, S, padTop, padLeft }
}

/** PyTorch's weights, four axes, in the order that the kernels read. */
function inside<T extends Float32Array | Float64Array>(w: T, { Ci, Co, Kh, Kw, transposed }: Case): T {
  const sizes = transposed ? [Ci, Co, Kh, Kw] : [Co, Ci, Kh, Kw]
  const strides = sizes.map((_, axis) => sizes.slice(axis + 1).reduce((product, n) => product * n, 1))
  const result = w.slice() as T
  result.forEach((_, i) => {
    let rest = i
    let from = 0
    for (const axis of CONV_WEIGHT_AXES.toReversed()) {
      from += (rest % sizes[axis]) * strides[axis]
      rest = Math.floor(rest / sizes[axis])
    }
    result[i] = w[from]
  })
  return result
}

export function forwardDispatch(shape: Case): { contents: Record<string, Float32Array | number>; dispatch: Dispatch } {
  const { H, W, Ci, Co, Kh, Kw, activation, skip, transposed } = shape
  const { features } = output(shape)
  const R = padRows(shape.B)
  const contents = {
    x: padMatrix(uniformArray(R * H * W * Ci, 1), R, H * W * Ci),
    w: inside(uniformArray(Co * Ci * Kh * Kw, 2), shape),
    b: uniformArray(Co, 3),
    y: R * padTo4(features),
    ...(skip && { skip: padMatrix(uniformArray(R * features, 4), R, features) }),
  }
  const forward = transposed ? convTransposeForward : convForward
  return { contents, dispatch: forward(tensorsOf(contents), convolution(shape), activation) }
}

export async function checkForward(device: GPUDevice, shape: Case): Promise<void> {
  const { H, W, Ci, Co, Kh, Kw, activation, skip, transposed } = shape
  const { features } = output(shape)
  const { contents, dispatch } = forwardDispatch(shape)
  const { y } = await runKernels(device, contents, () => dispatch)
  const all = withRows(shape)
  const R = all.B
  const reference = transposed ? transpose.convTransposeForward : conv.convForward
  const inputs = [uniformArray(R * H * W * Ci, 1), uniformArray(Co * Ci * Kh * Kw, 2), uniformArray(Co, 3)] as const
  const [x, w, b] = inputs.map(magnitudes)
  const v = reference(...inputs, all)
  const added = skip ? uniformArray(R * features, 4) : new Float32Array(R * features)
  const expected = activationForward(v, activation).map((value, i) => value + added[i])
  const sums = sumBounds(Kh * Kw * Ci + 2, reference(x, w, b, all).map((value, i) => value + Math.abs(added[i])))
  const bounds = activationBounds(v, sums, activation)
  expectWithin(y, padExpected(expected, R, features), padExpected(bounds, R, features), 'y')
}

/** @param accumulate dw and db hold something, to which theirs is added */
export function backwardDispatch(shape: Case, accumulate = false) {
  const { B, H, W, Ci, Co, Kh, Kw, activation, skip, transposed } = shape
  const size = H * W * Ci
  const { features } = output(shape)
  const R = padRows(B)
  const described = convolution(shape)
  const parts = convWeightParts(described, transposed)
  const contents = {
    x: padMatrix(randomActivations(B, size, activation, 1), R, size),
    w: inside(uniformArray(Co * Ci * Kh * Kw, 2), shape),
    dy: padMatrix(randomGradients(B, features, 3), R, features),
    dx: R * padTo4(size),
    dw: accumulate ? uniformArray(Co * Ci * Kh * Kw, 5) : Co * Ci * Kh * Kw,
    db: accumulate ? uniformArray(Co, 6) : Co,
    ...(skip && { dskip: padMatrix(randomGradients(B, size, 4), R, size) }),
    ...(parts && { partsW: parts.dw, partsB: parts.db }),
  }
  const t = tensorsOf(contents)
  const tensors = { ...t, parts: parts && { dw: t.partsW!, db: t.partsB! } }
  const weight = (transposed ? convTransposeBackwardWeight : convBackwardWeight)(tensors, described, { accumulate })
  const input = (transposed ? convTransposeBackwardInput : convBackwardInput)(tensors, described, activation)
  return { contents, weight, input }
}

export async function checkBackwardInput(device: GPUDevice, shape: Case): Promise<void> {
  const { B, H, W, Ci, Co, Kh, Kw, activation, skip } = shape
  const size = H * W * Ci
  const { contents, input } = backwardDispatch(shape)
  const { dx } = await runKernels(device, contents, () => input)
  const { R, x, exact, magnitude } = referenceBackward(shape)
  const added = skip ? randomGradients(B, size, 4) : new Float32Array(R * size)
  const sum = exact.dx.map((value, i) => value + added[i])
  const expected = activationBackward(x, sum, activation)
  const sums = sumBounds(Kh * Kw * Co + 3, magnitude.dx.map((value, i) => value + Math.abs(added[i])))
  const bounds = derivativeBounds(x, sum, sums, activation)
  expectWithin(dx, padExpected(expected, R, size), padExpected(bounds, R, size), 'dx')
}

export async function checkBackwardWeight(device: GPUDevice, shape: Case, accumulate = false): Promise<void> {
  const { H, W, transposed } = shape
  const { Ho, Wo } = output(shape)
  const { contents, weight } = backwardDispatch(shape, accumulate)
  const { dw, db } = await runKernels(device, contents, () => weight)
  const { R, exact, magnitude } = referenceBackward(shape)
  const pixels = R * (transposed ? H * W : Ho * Wo)
  const before = accumulate ? contents : { dw: new Float32Array(dw.length), db: new Float32Array(db.length) }
  const [w, b] = [before.dw, before.db] as Float32Array[]
  const size = inside(magnitude.dw, shape).map((value, i) => value + Math.abs(w[i]))
  expectWithin(dw, inside(exact.dw, shape).map((value, i) => value + w[i]), sumBounds(pixels + 1, size), 'dw')
  const sizeB = magnitude.db.map((value, i) => value + Math.abs(b[i]))
  expectWithin(db, exact.db.map((value, i) => value + b[i]), sumBounds(R * Ho * Wo + 1, sizeB), 'db')
}

function referenceBackward(shape: Case) {
  const { B, H, W, Ci, Co, Kh, Kw, activation, transposed } = shape
  const all = withRows(shape)
  const x = randomActivations(B, H * W * Ci, activation, 1)
  const w = uniformArray(Co * Ci * Kh * Kw, 2)
  const dy = randomGradients(B, output(shape).features, 3)
  const backward = transposed ? transpose.convTransposeBackward : conv.convBackward
  const magnitude = backward(magnitudes(x), magnitudes(w), magnitudes(dy), all)
  return { R: all.B, x, exact: backward(x, w, dy, all), magnitude }
}
