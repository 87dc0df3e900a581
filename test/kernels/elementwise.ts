import { FUSED_ACTIVATIONS } from '../../src/ops/activation.js'
import type { Dispatch } from '../../src/ops/dispatch.js'
import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { gradientAdd, permuteForward, residualAdd } from '../../src/ops/elementwise.js'
import { gradientAccumulate } from '../../src/ops/update.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { activationBackward as reference, activationForward } from '../reference/activation.js'
import { flatten, unflatten } from '../reference/flatten.js'
import { uniformArray } from '../reference/formula.js'
import { expectSame, expectWithin, relativeBounds, U } from '../support/bounds.js'
import { padExpected, padMatrix, randomActivations } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const residual = suite('residual_add')
const permute = suite('permute_forward')
const accumulate = suite('gradient_accumulate')

/** Few workgroups for a long tensor: every invocation has to go round. */
const striding = (dispatch: Dispatch): Dispatch => ({ ...dispatch, grid: [64, 1, 1] })

for (const [i, name] of FUSED_ACTIVATIONS.entries()) {
  const [B, N] = [[1, 1], [3, 7], [13, 35], [8, 100], [1, 261], [2, 64], [5, 18]][i]
  const elements = padRows(B) * padTo4(N)
  gpuTest(residual, `activates the sum at B=${B} N=${N} ${name}`, async ({ device }) => {
    const [a, b] = [uniformArray(elements, 2), uniformArray(elements, 3)]
    const { y } = await runKernels(device, { a, b, y: elements }, (t) => striding(residualAdd(t, name)))
    const sum = Float64Array.from(a, (value, at) => value + b[at])
    expectWithin(y, activationForward(sum, name), sum.map(() => 16 * U), 'y') // tanh and exp are good to some ulp
  })
  gpuTest(residual, `adds and takes the derivative at B=${B} N=${N} ${name}`, async ({ device }) => {
    const x = randomActivations(B, padTo4(N), name, 1)
    const [a, b] = [uniformArray(elements, 2), uniformArray(elements, 3)]
    const { y } = await runKernels(device, { a, b, x, y: elements }, (t) => striding(gradientAdd(t, name)))
    const sum = Float64Array.from(a, (value, at) => value + b[at])
    expectWithin(y, reference(x, sum, name), relativeBounds(sum, (name === 'softplus' ? 12 : 5) * U), 'y')
  })
}

gpuTest(residual, 'adds alone where no activation is given', async ({ device }) => {
  const [a, b] = [uniformArray(24, 2), uniformArray(24, 3)]
  const { y } = await runKernels(device, { a, b, y: 24 }, ({ a, b, y }) => residualAdd({ a, b, y }, 'linear'))
  expectSame(y, Float32Array.from(a, (value, i) => value + b[i]), 'y')
})

for (const [B, H, W, C] of [[1, 1, 1, 2], [3, 5, 7, 3], [8, 2, 3, 4], [13, 3, 2, 5]]) {
  gpuTest(permute, `goes from channels last to PyTorch's order and back at B=${B} ${H}x${W}x${C}`, async ({ device }) => {
    const R = padRows(B)
    const N = H * W * C
    const x = uniformArray(R * N, 1)
    const run = (from: number, to: number) =>
      runKernels(device, { x: padMatrix(x, R, N), y: R * padTo4(N) }, (t) => permuteForward(t, { B: R, N, from, to }))
    expectSame((await run(C, 1)).y, padExpected(flatten(x, [H, W, C]), R, N), 'y to PyTorch’s order')
    expectSame((await run(1, C)).y, padExpected(unflatten(x, [H, W, C]), R, N), 'y to channels last')
  })
}

gpuTest(permute, 'goes from an order of 6 channels to one of 4 at B=3 N=24', async ({ device }) => {
  const x = uniformArray(8 * 24, 1)
  const { y } = await runKernels(device, { x, y: 8 * 24 }, (t) => permuteForward(t, { B: 8, N: 24, from: 6, to: 4 }))
  expectSame(y, unflatten(flatten(x, [1, 4, 6]), [1, 6, 4]), 'y')
})

gpuTest(accumulate, 'starts with the first slice of a batch and adds the others', async ({ device }) => {
  const N = 5 * 64
  const [first, second] = [uniformArray(N, 1), uniformArray(N, 2)]
  const run = (gradients: Float32Array, sum: Float32Array | number, row: number) =>
    runKernels(device, { gradients, sum }, (t) => striding(gradientAccumulate(t)), { row })
  const started = await run(first, N, 0)
  expectSame(started.sum, first, 'sum of one slice')
  const added = await run(second, started.sum, 8)
  expectSame(added.sum, first.map((value, i) => value + second[i]), 'sum of two slices')
})

residual.run()
permute.run()
accumulate.run()
