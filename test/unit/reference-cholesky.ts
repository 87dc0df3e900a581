import { suite } from '../harness/suite.js'
import {
  choleskyBackward, choleskyForward, choleskyKlBackward, choleskyKlForward, factorOf, sampledCholeskyKl, triangleIndex,
} from '../reference/cholesky.js'
import { assertClose } from '../reference/compare.js'
import { centralDifferences } from '../reference/differences.js'
import { normalArray } from '../reference/formula.js'
import { checkBackward, DIFFERENCES } from '../support/derivatives.js'

const reference = suite('reference of full covariance')

for (const Z of [1, 4]) {
  const [mean, noise] = [normalArray(Z, 1), normalArray(Z, 3)]
  const output = normalArray((Z * (Z + 1)) / 2, 2)

  reference(`the backward passes are the derivatives at Z=${Z}`, () => {
    const backward = (dz: ArrayLike<number>) => choleskyBackward(dz, output, noise)
    checkBackward('dMean', (p) => choleskyForward(p, output, noise), mean, (dz) => backward(dz).dMean)
    checkBackward('dOutput', (p) => choleskyForward(mean, p, noise), output, (dz) => backward(dz).dOutput)
    const kl = choleskyKlBackward(mean, output)
    assertClose(kl.dMean, centralDifferences((p) => choleskyKlForward(p, output), mean), 'dMean', DIFFERENCES)
    assertClose(kl.dOutput, centralDifferences((p) => choleskyKlForward(mean, p), output), 'dOutput', DIFFERENCES)
  })

  reference(`the KL divergence of a sample is log q − log p at Z=${Z}`, () => {
    const z = choleskyForward(mean, output, noise)
    const solved = new Float64Array(Z) // L⁻¹ (z − μ)
    for (let j = 0; j < Z; j++) {
      let left = z[j] - mean[j]
      for (let k = 0; k < j; k++) left -= factorOf(output, j, k) * solved[k]
      solved[j] = left / factorOf(output, j, j)
    }
    let logDeterminant = 0
    for (let j = 0; j < Z; j++) logDeterminant += 0.5 * output[triangleIndex(j, j)]
    const square = (values: Float64Array) => values.reduce((sum, value) => sum + value ** 2, 0)
    const expected = -0.5 * square(solved) - logDeterminant + 0.5 * square(z)
    assertClose([sampledCholeskyKl(z, noise, output)], [expected], 'kl', 1e-12)
  })
}

reference('the KL divergence is the one worked out by hand', () => {
  // μ = (1, 2), L = [[2, 0], [3, 1]]: ½(4 + 9 + 1 + 1 + 4 − 2) − ln 2
  assertClose([choleskyKlForward([1, 2], [2 * Math.LN2, 3, 0])], [8.5 - Math.LN2], 'kl', 1e-12)
  assertClose(choleskyForward([1, 2], [2 * Math.LN2, 3, 0], [10, 100]), [21, 132], 'z', 1e-12)
})

reference.run()
