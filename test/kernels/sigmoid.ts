import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { sigmoidForward } from '../../src/ops/likelihood.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { sigmoid } from '../reference/activation.js'
import { uniformArray } from '../reference/formula.js'
import { expectWithin, ULP } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const test = suite('sigmoid_forward')

for (const [B, N, limit] of [[1, 1, 5], [3, 3, 5], [8, 35, 20], [13, 784, 5], [1, 257, 100]]) {
  gpuTest(test, `matches the reference at B=${B} N=${N} for values in ±${limit}`, async ({ device }) => {
    const R = padRows(B)
    const x = uniformArray(R * N, 1, limit)
    const contents = { x: padMatrix(x, R, N), y: R * padTo4(N) }
    const { y } = await runKernels(device, contents, (t) => sigmoidForward(t, { B: R, N }))
    const expected = padExpected(Float64Array.from(x, sigmoid), R, N)
    // exp is 3 + 2|v| ULP off, the sum and the quotient 3 more, and |v| is cut at 80, where the sigmoid is below 2e-35.
    const bounds = expected.map((p, i) => (6 + 2 * Math.abs(contents.x[i])) * ULP * p + 2e-35)
    expectWithin(y, expected, bounds.map((bound, i) => (i % padTo4(N) < N ? bound : 0)), 'y')
  })
}

test.run()
