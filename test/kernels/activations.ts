import * as assert from 'uvu/assert'
import { KernelError } from '../../src/errors.js'
import { ACTIVATIONS, activationCode, FUSED_ACTIVATIONS, type Activation } from '../../src/ops/activation.js'
import { padRows, padTo4, type Dispatch } from '../../src/ops/dispatch.js'
import { activationBackward, activationForward, siluBackward } from '../../src/ops/elementwise.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import * as reference from '../reference/activation.js'
import { uniformArray } from '../reference/formula.js'
import { expectWithin, relativeBounds, U, ULP } from '../support/bounds.js'
import { padExpected, padMatrix, randomActivations } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const forward = suite('activation_forward')
const backward = suite('activation_backward')

const SHAPES = [[1, 1], [3, 3], [13, 35], [8, 100], [1, 261], [3, 7], [2, 64], [5, 18]]

/** Near 0, on both sides of where a series takes over, where exp(−|v|) is lost beside 1, and where it underflows. */
const HARD = [
  0, 1e-30, 1e-7, 3e-4, 0.01, 0.4999, 0.5, 0.5001, 0.999, 3, 16, 17, 30, 79, 81, 86, 90, 104, 1e3, 1e30,
].flatMap((v) => [v, -v])

/**
 * WGSL's exp is 3 + 2|v| ULP off; the sums, quotients and products around it some more. Sigmoid cuts v at ±80, where it
 * is 2e-35; of the others a GPU may take for 0 what is below 2⁻¹²⁶, and SiLU 100 times that.
 */
function boundsOf(v: Float32Array, expected: Float64Array, activation: Activation): Float64Array {
  if (activation === 'tanh') return expected.map(() => 1e-5)
  return expected.map((y, i) => (10 + 2 * Math.min(Math.abs(v[i]), 100)) * ULP * Math.abs(y) + 2e-35)
}

for (const [i, activation] of ACTIVATIONS.entries()) {
  const [B, N] = SHAPES[i]
  gpuTest(forward, `matches the reference at B=${B} N=${N} ${activation}`, async ({ device }) => {
    const R = padRows(B)
    const x = uniformArray(R * N, 1, 5)
    const contents = { x: padMatrix(x, R, N), y: R * padTo4(N) }
    const { y } = await runKernels(device, contents, (t) => activationForward(t, { B: R, N }, activation))
    const expected = reference.activationForward(x, activation)
    expectWithin(y, padExpected(expected, R, N), padExpected(boundsOf(x, expected, activation), R, N), 'y')
  })

  gpuTest(forward, `keeps its digits near 0 and far from it, ${activation}`, async ({ device }) => {
    const x = Float32Array.from(HARD)
    const { y } = await runKernels(device, { x, y: x.length }, (t) => {
      return activationForward(t, { B: 1, N: x.length }, activation)
    })
    const expected = reference.activationForward(x, activation)
    expectWithin(y, expected, boundsOf(x, expected, activation), 'y')
  })
}

/** Few workgroups for a long tensor: every invocation has to go round. */
const striding = (dispatch: Dispatch): Dispatch => ({ ...dispatch, grid: [64, 1, 1] })

for (const [i, activation] of FUSED_ACTIVATIONS.entries()) {
  const [B, N] = SHAPES[i]
  const elements = padRows(B) * padTo4(N)
  gpuTest(backward, `matches the reference at B=${B} N=${N} ${activation}`, async ({ device }) => {
    const y = randomActivations(B, padTo4(N), activation, 1)
    const dy = uniformArray(elements, 2)
    const expected = reference.activationBackward(y, dy, activation)
    const { dx } = await runKernels(device, { dy, y, dx: elements }, (t) => striding(activationBackward(t, activation)))
    // 1 − y², times dy: three roundings; 1 − exp(−y) is off by exp's 3 + 2y ULP.
    const rounding = activation === 'softplus' ? 12 * U : 4 * U
    expectWithin(dx, expected, relativeBounds(dy, rounding), 'dx')
    const before = uniformArray(elements, 3)
    const added = await runKernels(device, { dy, y, dx: before }, (t) => {
      return striding(activationBackward(t, activation, { add: true }))
    })
    const bounds = before.map((value, at) => U * Math.abs(value) + (rounding + U) * Math.abs(dy[at]))
    expectWithin(added.dx, expected.map((value, at) => value + before[at]), bounds, 'dx with add')
  })
}

gpuTest(backward, 'keeps the digits of softplus’s derivative where its output is near 0', async ({ device }) => {
  const y = Float32Array.of(1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.4999, 0.5001, 0.7)
  const dy = y.slice().fill(1)
  const { dx } = await runKernels(device, { dy, y, dx: y.length }, (t) => activationBackward(t, 'softplus'))
  const expected = reference.activationBackward(y, dy, 'softplus')
  expectWithin(dx, expected, relativeBounds(expected, 12 * ULP), 'dx')
})

for (const add of [false, true]) {
  gpuTest(backward, `takes silu’s derivative from its input${add ? ', with add' : ''}`, async ({ device }) => {
    const x = Float32Array.from([...HARD, ...uniformArray(24 * 13, 4, 5)])
    const [dy, before] = [uniformArray(x.length, 2), uniformArray(x.length, 3)]
    const contents = { dy, x, dx: add ? before : x.length }
    const { dx } = await runKernels(device, contents, (t) => striding(siluBackward(t, { add })))
    const expected = reference.activationBackward(x, dy, 'silu').map((value, i) => value + (add ? before[i] : 0))
    // σ and v σ(−v), the latter below 0.28 where v > 0, are good to exp's 3 + 2|v| ULP, with |v| exp(−|v|) below 0.37.
    const bounds = expected.map((value, i) => 16 * ULP * Math.abs(dy[i]) + U * Math.abs(value))
    expectWithin(dx, expected, bounds, 'dx')
  })
}

backward('silu has no code for the kernels that take an activation along', () => {
  assert.throws(() => activationCode('silu'), (error: unknown) => {
    return error instanceof KernelError && /silu cannot be fused/.test(error.message)
  })
})

forward.run()
backward.run()
