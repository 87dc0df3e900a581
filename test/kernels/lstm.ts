import { padRows, padTo4 } from '../../src/ops/dispatch.js'
import { lstmBackward, lstmForward } from '../../src/ops/lstm.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { uniformArray } from '../reference/formula.js'
import * as reference from '../reference/lstm.js'
import { expectSame, expectWithin, relativeBounds } from '../support/bounds.js'
import { padExpected, padMatrix } from '../support/matrix.js'
import { runKernels } from '../support/run-kernel.js'

const forward = suite('lstm_forward')
const backward = suite('lstm_backward')

/** Of sigmoid and tanh, whose error WGSL bounds absolutely, and of products of a few of them. */
const FUNCTION = 3e-5

const cases = [
  { B: 1, U: 1 },
  { B: 3, U: 3 },
  { B: 8, U: 17 },
  { B: 13, U: 64 },
  { B: 5, U: 131 },
]

const row = (values: Float32Array | Float64Array, n: number, width: number) => {
  return values.subarray(n * width, (n + 1) * width)
}

for (const { B, U } of cases) {
  const rows = padRows(B)
  const gates = uniformArray(rows * 4 * U, 1, 4)
  const before = uniformArray(rows * U, 2, 3)
  const reached = Array.from({ length: rows }, (_, n) => reference.lstmForward(row(gates, n, 4 * U), row(before, n, U)))
  const all = (of: (n: number) => Float64Array) => Float64Array.from(reached.flatMap((_, n) => [...of(n)]))
  const title = `B=${B} U=${U}`

  gpuTest(forward, `matches the reference at ${title}`, async ({ device }) => {
    const size = rows * padTo4(U)
    const contents = { gates, before: padMatrix(before, rows, U), c: size, h: size }
    const result = await runKernels(device, contents, (t) => lstmForward(t, { B: rows, U }))
    const expect = (name: 'gates' | 'c' | 'h', expected: Float64Array) => {
      expectWithin(result[name], expected, relativeBounds(expected, FUNCTION, FUNCTION), name)
    }
    expect('gates', all((n) => reached[n].activated))
    expect('c', padExpected(all((n) => reached[n].c), rows, U))
    expect('h', padExpected(all((n) => reached[n].h), rows, U))
  })

  for (const last of [false, true]) {
    gpuTest(backward, `matches the reference ${last ? 'in the last step ' : ''}at ${title}`, async ({ device }) => {
      const [stride, offset] = [padTo4(U + 5), 3] // of what the next step's product reads
      const [dh, dc, dx] = [uniformArray(rows * U, 3), uniformArray(rows * U, 4), uniformArray(rows * stride, 5)]
      const padded = (values: ArrayLike<number>) => padMatrix(values, rows, U)
      const contents = {
        gates: Float32Array.from(all((n) => reached[n].activated)),
        before: padded(before),
        c: padded(all((n) => reached[n].c)),
        dc: last ? rows * padTo4(U) : padded(dc), // NaN where the last step must not read
        dh: padded(dh),
        dx,
      }
      const result = await runKernels(device, contents, ({ dx: later, ...t }) => {
        return lstmBackward(t, { B: rows, U }, last ? undefined : { dx: later, stride, offset })
      }, { batch: B })
      const dGates = new Float64Array(rows * 4 * U)
      const dBefore = new Float64Array(rows * U)
      for (let n = 0; n < B; n++) {
        const own = Float64Array.from(row(dh, n, U), (d, u) => d + (last ? 0 : dx[n * stride + offset + u]))
        const later = last ? new Float64Array(U) : row(dc, n, U)
        const gradient = reference.lstmBackward(row(gates, n, 4 * U), row(before, n, U), own, later)
        dGates.set(gradient.dGates, n * 4 * U)
        dBefore.set(gradient.dBefore, n * U)
      }
      expectWithin(result.gates, dGates, relativeBounds(dGates, FUNCTION, 4 * FUNCTION), 'dgates')
      expectSame(result.gates.subarray(B * 4 * U), dGates.subarray(B * 4 * U), 'dgates behind the batch')
      for (let n = 0; n < rows; n++) {
        const expected = row(dBefore, n, U)
        const came = result.dc.subarray(n * padTo4(U), n * padTo4(U) + U)
        expectWithin(came, expected, relativeBounds(expected, FUNCTION, 4 * FUNCTION), `dc of row ${n}`)
      }
    })
  }
}

forward.run()
backward.run()
