import * as assert from 'uvu/assert'
import { FUSED_ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { padRows, padTo4, type Dispatch, type PlanTensor } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward } from '../reference/activation.js'
import * as reference from '../reference/dense.js'
import { uniformArray } from '../reference/formula.js'
import { activationBounds, derivativeBounds, expectWithin, sumBounds } from './bounds.js'
import {
  AWKWARD_BATCHES, AWKWARD_SIZES, magnitudes, padExpected, padMatrix, randomActivations, randomGradients,
} from './matrix.js'
import { runKernels, tensorsOf, tilingsOf } from './run-kernel.js'

/** A dense layer to check. */
export interface Case {
  B: number
  I: number
  O: number
  activation: Activation
}

/** Every size once as I and once as O in each round, with batch and activation going round at their own pace. */
export const awkward: Case[] = [3, 8].flatMap((shift) =>
  AWKWARD_SIZES.map((I, i) => ({
    B: AWKWARD_BATCHES[(i + shift) % 4],
    I,
    O: AWKWARD_SIZES[(5 * i + shift) % 12],
    activation: FUSED_ACTIVATIONS[(i + shift) % 7],
  })),
)

/** `[B, features, the other features]` with many tiles of 8 × 16 over B × features: what wide tilings are chosen for. */
export const large: Case[] = [
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
].map(([B, I, O], i) => ({ B, I, O, activation: FUSED_ACTIVATIONS[i % 7] }))
export const turned: Case[] = large.map(({ I, O, ...rest }) => ({ ...rest, I: O, O: I }))

type Names = 'x' | 'w' | 'b' | 'y' | 'dy' | 'dx' | 'dw' | 'db'
type Make = (t: Record<Names, PlanTensor>, shape: Omit<Case, 'activation'>, activation: Activation) => Dispatch
type Check = (device: GPUDevice, dispatch: Dispatch, shape: Case) => Promise<void>

/**
 * Checks every case in each tiling that it offers, a suite per kernel; each of the kernels must come often enough.
 * @param what ends the suites' names: ` with add`
 * @param least shapes per kernel
 */
export function testTilings(
  kernels: readonly string[],
  cases: readonly Case[],
  make: Make,
  check: Check,
  { what = '', least = 8 }: { what?: string; least?: number } = {},
): void {
  const suites = Object.fromEntries(kernels.map((kernel) => [kernel, { test: suite(kernel + what), count: 0 }]))
  for (const shape of cases) {
    for (const dispatch of dispatchesOf(make, shape)) {
      const { B, I, O, activation } = shape
      const own = suites[dispatch.kernel]
      if (!own) throw new Error(`${dispatch.kernel} is not among ${kernels.join(', ')}`)
      own.count++
      const title = `matches the reference at B=${B} I=${I} O=${O} ${activation}`
      gpuTest(own.test, title, ({ device }) => check(device, dispatch, shape))
    }
  }
  for (const { test, count } of Object.values(suites)) {
    test('is chosen for enough of the shapes here', () => assert.ok(count >= least, `${count} shapes`))
    test.run()
  }
}

/** The dispatch, in every tiling that it offers. */
function dispatchesOf(make: Make, { B, I, O, activation }: Case): Dispatch[] {
  const R = padRows(B)
  const matrices = { x: R * padTo4(I), w: padTo4(O) * padTo4(I), y: R * padTo4(O), b: padTo4(O) }
  const t = tensorsOf({ ...matrices, dy: matrices.y, dx: matrices.x, dw: matrices.w, db: matrices.b })
  return tilingsOf(make(t, { B: R, I, O }, activation))
}

/** y against the reference. */
export async function checkForward(device: GPUDevice, dispatch: Dispatch, layer: Case): Promise<void> {
  const { B, I, O, activation } = layer
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

/** The gradients that `dispatch` makes against the reference, and that the others are left alone. */
export async function checkBackward(device: GPUDevice, dispatch: Dispatch, layer: Case): Promise<void> {
  const { B, I, O, activation } = layer
  const R = padRows(B)
  const shape = { B: R, I, O }
  const x = randomActivations(B, I, activation, 1)
  const w = uniformArray(O * I, 2)
  const dy = randomGradients(B, O, 3)
  const accumulate = dispatch.constants.ACCUMULATE === 1
  const before = {
    dx: dispatch.constants.ADD ? randomGradients(B, I, 4) : new Float32Array(R * I),
    dw: accumulate ? uniformArray(O * I, 5) : new Float32Array(O * I),
    db: accumulate ? uniformArray(O, 6) : new Float32Array(O),
  }
  const contents = {
    x: padMatrix(x, R, I),
    w: padMatrix(w, O, I, padTo4(O)),
    dy: padMatrix(dy, R, O),
    dx: dispatch.constants.ADD ? padMatrix(before.dx, R, I) : R * padTo4(I),
    dw: accumulate ? padMatrix(before.dw, O, I, padTo4(O)) : padTo4(O) * padTo4(I),
    db: accumulate ? padMatrix(before.db, 1, O) : padTo4(O),
  }
  const result = await runKernels(device, contents, () => dispatch)
  const sum = plus(reference.denseBackward(x, w, dy, shape), before)
  const size = plus(reference.denseBackward(magnitudes(x), magnitudes(w), magnitudes(dy), shape), {
    dx: magnitudes(before.dx), dw: magnitudes(before.dw), db: magnitudes(before.db),
  })
  if (dispatch.shape.endsWith('dx')) {
    assert.ok([...result.dw, ...result.db].every(Number.isNaN), 'dw and db are left alone')
  } else {
    const weights = (values: Float64Array) => padExpected(values, O, I, padTo4(O))
    expectWithin(result.dw, weights(sum.dw), weights(sumBounds(B + 1, size.dw)), 'dw')
    expectWithin(result.db, padExpected(sum.db, 1, O), padExpected(sumBounds(B + 1, size.db), 1, O), 'db')
  }
  if (!dispatch.params!.INPUTS) {
    assert.ok(result.dx.every(Number.isNaN), 'dx is left alone')
    return
  }
  const bounds = derivativeBounds(x, sum.dx, sumBounds(O + 3, size.dx), activation)
  expectWithin(result.dx, padExpected(activationBackward(x, sum.dx, activation), R, I), padExpected(bounds, R, I), 'dx')
}

function plus<T extends Record<string, ArrayLike<number>>>(a: Record<keyof T, Float64Array>, b: T): typeof a {
  const sums = Object.entries(a).map(([name, values]) => [name, values.map((value, i) => value + b[name][i])])
  return Object.fromEntries(sums) as typeof a
}
