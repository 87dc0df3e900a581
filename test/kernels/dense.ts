import * as assert from 'uvu/assert'
import { ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { denseBackward, denseBackwardWeight, denseForward } from '../../src/ops/dense.js'
import { padRows, padTo4, type Dispatch } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import * as reference from '../reference/dense.js'
import { uniformArray } from '../reference/formula.js'
import { expectWithin, sumBounds, ULP } from '../support/bounds.js'
import {
  AWKWARD_BATCHES, AWKWARD_SIZES, magnitudes, padExpected, padMatrix, randomActivations, randomGradients,
} from '../support/matrix.js'
import { runKernels, tensorsOf, tilingsOf } from '../support/run-kernel.js'

interface Case {
  B: number
  I: number
  O: number
  activation: Activation
}

const kernels = {
  forward: ['dense_forward', 'dense_forward_narrow', 'dense_forward_wide', 'dense_forward_shared'],
  backward: ['dense_backward', 'dense_backward_narrow', 'dense_backward_wide', 'dense_backward_shared'],
  weight: ['dense_backward_weight', 'dense_backward_weight_wide', 'dense_backward_weight_shared'],
}
const suites = Object.fromEntries(Object.values(kernels).flat().map((kernel) => [kernel, suite(kernel)]))

/** Every size once as I and once as O in each round, with batch and activation going round at their own pace. */
const awkward: Case[] = [3, 8].flatMap((shift) =>
  AWKWARD_SIZES.map((I, i) => ({
    B: AWKWARD_BATCHES[(i + shift) % 4],
    I,
    O: AWKWARD_SIZES[(5 * i + shift) % 12],
    activation: ACTIVATIONS[(i + shift) % 5],
  })),
)

/** `[B, features, the other features]` with many tiles of 8 × 16 over B × features: what wide tilings are chosen for. */
const large: Case[] = [
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
].map(([B, I, O], i) => ({ B, I, O, activation: ACTIVATIONS[i % 5] }))
const turned: Case[] = large.map(({ I, O, ...rest }) => ({ ...rest, I: O, O: I }))

const passes = {
  forward: { cases: [...awkward, ...turned], check: checkForward },
  backward: { cases: [...awkward, ...large], check: checkBackward },
  weight: { cases: [...awkward.slice(0, 12), ...large.slice(5), ...turned.slice(5)], check: checkBackward },
}

/** The dispatch of a pass, in every tiling that it offers. */
function dispatchesOf(pass: keyof typeof passes, { B, I, O, activation }: Case): Dispatch[] {
  const R = padRows(B)
  const shape = { B: R, I, O }
  const matrices = { x: R * padTo4(I), w: padTo4(O) * padTo4(I), y: R * padTo4(O), b: padTo4(O) }
  const t = tensorsOf({ ...matrices, dy: matrices.y, dx: matrices.x, dw: matrices.w, db: matrices.b })
  if (pass === 'forward') return tilingsOf(denseForward(t, shape, activation))
  return tilingsOf(pass === 'backward' ? denseBackward(t, shape, activation) : denseBackwardWeight(t, shape))
}

/** The pre-activation's error, then the function's own: WGSL allows tanh 1e-5 and exp 3 + 2|v| ULP. */
function activationBounds(v: Float64Array, bounds: Float64Array, activation: Activation): Float64Array {
  return bounds.map((bound, i) => {
    if (activation === 'tanh') return bound + 1e-5
    if (activation === 'sigmoid') return bound + (6 + 2 * Math.abs(v[i])) * ULP
    return bound
  })
}

async function checkForward(device: GPUDevice, dispatch: Dispatch, { B, I, O, activation }: Case): Promise<void> {
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
  const { y } = await runKernels(device, contents, () => dispatch)
  const shape = { B: R, I, O }
  const v = reference.denseForward(x, w, b, shape)
  const bounds = sumBounds(I + 1, reference.denseForward(magnitudes(x), magnitudes(w), magnitudes(b), shape))
  const expected = padExpected(activationForward(v, activation), R, O)
  expectWithin(y, expected, padExpected(activationBounds(v, bounds, activation), R, O), 'y')
}

async function checkBackward(device: GPUDevice, dispatch: Dispatch, { B, I, O, activation }: Case): Promise<void> {
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
  const result = await runKernels(device, contents, () => dispatch)
  const { dx, dw, db } = reference.denseBackward(x, w, dy, shape)
  const size = reference.denseBackward(magnitudes(x), magnitudes(w), magnitudes(dy), shape)
  const weights = (values: Float64Array) => padExpected(values, O, I, padTo4(O))
  expectWithin(result.dw, weights(dw), weights(sumBounds(B, size.dw)), 'dw')
  expectWithin(result.db, padExpected(db, 1, O), padExpected(sumBounds(B, size.db), 1, O), 'db')
  if (!('dx' in dispatch.bindings)) return
  const bounds = activationBackward(x, sumBounds(O + 2, size.dx), activation)
  expectWithin(result.dx, padExpected(activationBackward(x, dx, activation), R, I), padExpected(bounds, R, I), 'dx')
}

for (const pass of ['forward', 'backward', 'weight'] as const) {
  const { cases, check } = passes[pass]
  const tested = new Map(kernels[pass].map((kernel) => [kernel, 0]))
  for (const shape of cases) {
    const { B, I, O, activation } = shape
    for (const dispatch of dispatchesOf(pass, shape)) {
      const { kernel } = dispatch
      tested.set(kernel, (tested.get(kernel) ?? 0) + 1)
      const title = `matches the reference at B=${B} I=${I} O=${O} ${activation}`
      gpuTest((suites[kernel] ??= suite(kernel)), title, ({ device }) => check(device, dispatch, shape))
    }
  }
  for (const [kernel, count] of tested) {
    suites[kernel]('is chosen for enough of the shapes here', () => assert.ok(count >= 8, `${count} shapes`))
  }
}

for (const each of Object.values(suites)) each.run()
