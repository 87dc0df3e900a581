import { suite } from '../harness/suite.js'
import { batchNormBackward, batchNormForward, batchStatistics, moveRunning, normalize } from '../reference/batch-norm.js'
import { assertClose } from '../reference/compare.js'
import { normalArray } from '../reference/formula.js'
import { checkBackward } from '../support/derivatives.js'

const reference = suite('reference of batch normalisation')

for (const { rows, P, C } of [{ rows: 7, P: 1, C: 3 }, { rows: 2, P: 6, C: 2 }, { rows: 2, P: 1, C: 1 }]) {
  reference(`the backward pass is the derivative, at B=${rows} P=${P} C=${C}`, () => {
    const x = normalArray(rows * P * C, 1)
    const [w, b] = [normalArray(C, 2), normalArray(C, 3)]
    checkBackward('dx', (p) => batchNormForward(p, w, b), x, (dy) => batchNormBackward(x, w, dy).dx)
    checkBackward('dw', (p) => batchNormForward(x, p, b), w, (dy) => batchNormBackward(x, w, dy).dw)
    checkBackward('db', (p) => batchNormForward(x, w, p), b, (dy) => batchNormBackward(x, w, dy).db)
  })
}

reference('the values are those worked out by hand', () => {
  const { mean, biased, unbiased } = batchStatistics([1, 10, 3, 10, 8, 10], 2) // three pixels of two channels
  assertClose([...mean, ...biased, ...unbiased], [4, 10, 26 / 3, 0, 13, 0], 'statistics', 1e-12)
  assertClose(batchStatistics([7], 1).unbiased, [0], 'variance of one value', 0)
  assertClose(normalize([4 + 3, 10], [4, 10], [9 - 1e-5, 0], [2, 5], [1, -1]), [3, -1], 'y', 1e-12)
  assertClose(moveRunning([1, 0], [2, 13]), [1.1, 1.3], 'running', 1e-12)
})

reference.run()
