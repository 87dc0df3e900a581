import * as assert from 'uvu/assert'
import { ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../../src/ops/dense.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import * as reference from '../reference/dense.js'
import { uniformArray } from '../reference/formula.js'
import { expectWithin, sumBounds, ULP } from '../support/bounds.js'
import {
  AWKWARD_BATCHES, AWKWARD_SIZES, magnitudes, padExpected, padMatrix, randomActivations, randomGradients,
} from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

interface Case {
  B: number
  I: number
  O: number
  activation: Activation
}

const forward = suite('dense_forward')
const forwardNarrow = suite('dense_forward_narrow')
const backward = suite('dense_backward')
const backwardNarrow = suite('dense_backward_narrow')
const backwardWeight = suite('dense_backward_weight')

/** Every size once as I and once as O in each round, with batch and activation going round at their own pace. */
const awkward: Case[] = [3, 8].flatMap((shift) =>
  AWKWARD_SIZES.map((I, i) => ({
    B: AWKWARD_BATCHES[(i + shift) % 4],
    I,
    O: AWKWARD_SIZES[(5 * i + shift) % 12],
    activation: ACTIVATIONS[(i + shift) % 5],
  })),
)

/** `[B, columns, other dimension]` with at least 64 tiles of 8 × 16 over B × columns: what the wide tilings are chosen for. */
const wide: Case[] = [
  [507, 9, 1],
  [512, 16, 7],
  [253, 17, 5],
  [256, 31, 33],
  [173, 33, 16],
  [100, 100, 31],
  [13, 497, 9],
  [8, 1009, 2],
  [3, 1021, 17],
  [1, 1013, 100],
].map(([B, columns, other], i) => ({ B, I: other, O: columns, activation: ACTIVATIONS[i % 5] }))
const wideBackward: Case[] = wide.map(({ I, O, ...rest }) => ({ ...rest, I: O, O: I }))

/** The pre-activation's error, then the function's own: WGSL allows tanh 1e-5 and exp 3 + 2|v| ULP. */
function activationBounds(v: Float64Array, bounds: Float64Array, activation: Activation): Float64Array {
  return bounds.map((bound, i) => {
    if (activation === 'tanh') return bound + 1e-5
    if (activation === 'sigmoid') return bound + (6 + 2 * Math.abs(v[i])) * ULP
    return bound
  })
}

async function checkForward(device: GPUDevice, kernel: string, { B, I, O, activation }: Case): Promise<void> {
  const R = padRows(B)
  const x = uniformArray(R * I, 1)
  const w = uniformArray(O * I, 2)
  const b = uniformArray(O, 3)
  const contents = {
    x: padMatrix(x, R, I),
    w: padMatrix(w, O, I, padTo4(O)),
    b: padMatrix(b, 1, O),
    y: R * padTo4(O),
  }
  const result = await runKernels(device, contents, (t) => {
    const dispatch = denseForward(t, { B: R, I, O }, activation)
    assert.is(dispatch.kernel, kernel)
    return dispatch
  })
  const shape = { B: R, I, O }
  const v = reference.denseForward(x, w, b, shape)
  const bounds = sumBounds(I + 1, reference.denseForward(magnitudes(x), magnitudes(w), magnitudes(b), shape))
  const expected = padExpected(activationForward(v, activation), R, O)
  expectWithin(result.y, expected, padExpected(activationBounds(v, bounds, activation), R, O), 'y')
}

async function checkBackward(device: GPUDevice, kernel: string, { B, I, O, activation }: Case): Promise<void> {
  const R = padRows(B)
  const shape = { B: R, I, O }
  const x = randomActivations(B, I, activation, 1)
  const w = uniformArray(O * I, 2)
  const dy = randomGradients(B, O, 3)
  const contents = {
    x: padMatrix(x, R, I),
    w: padMatrix(w, O, I, padTo4(O)),
    dy: padMatrix(dy, R, O),
    dx: R * padTo4(I),
    dw: padTo4(O) * padTo4(I),
    db: padTo4(O),
  }
  const result = await runKernels(device, contents, (t) => {
    const onlyWeights = kernel === 'dense_backward_weight'
    const dispatch = onlyWeights ? denseBackwardWeight(t, shape) : denseBackward(t, shape, activation)
    assert.is(dispatch.kernel, kernel)
    return dispatch
  })
  const { dx, dw, db } = reference.denseBackward(x, w, dy, shape)
  const size = reference.denseBackward(magnitudes(x), magnitudes(w), magnitudes(dy), shape)
  const weights = (values: Float64Array) => padExpected(values, O, I, padTo4(O))
  expectWithin(result.dw, weights(dw), weights(sumBounds(B, size.dw)), 'dw')
  expectWithin(result.db, padExpected(db, 1, O), padExpected(sumBounds(B, size.db), 1, O), 'db')
  if (kernel === 'dense_backward_weight') return
  const bounds = activationBackward(x, sumBounds(O + 2, size.dx), activation)
  expectWithin(result.dx, padExpected(activationBackward(x, dx, activation), R, I), padExpected(bounds, R, I), 'dx')
}

const shapeOf = ({ B, I, O, activation }: Case) => `B=${B} I=${I} O=${O} ${activation}`

for (const shape of awkward) {
  gpuTest(forwardNarrow, `matches the reference at ${shapeOf(shape)}`, ({ device }) =>
    checkForward(device, 'dense_forward_narrow', shape))
  gpuTest(backwardNarrow, `matches the reference at ${shapeOf(shape)}`, ({ device }) =>
    checkBackward(device, 'dense_backward_narrow', shape))
}
for (const shape of wide) {
  gpuTest(forward, `matches the reference at ${shapeOf(shape)}`, ({ device }) =>
    checkForward(device, 'dense_forward', shape))
}
for (const shape of wideBackward) {
  gpuTest(backward, `matches the reference at ${shapeOf(shape)}`, ({ device }) =>
    checkBackward(device, 'dense_backward', shape))
}
for (const shape of awkward.slice(0, 12)) {
  gpuTest(backwardWeight, `matches the reference at B=${shape.B} I=${shape.I} O=${shape.O}`, ({ device }) =>
    checkBackward(device, 'dense_backward_weight', { ...shape, activation: 'linear' }))
}

forward.run()
forwardNarrow.run()
backward.run()
backwardNarrow.run()
backwardWeight.run()
