import * as assert from 'uvu/assert'
import { meanLength } from '../../src/model/latents/von-mises-fisher.js'
import { loadSphereFixtures } from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { assertClose } from '../reference/compare.js'
import { centralDifferences } from '../reference/differences.js'
import { normalArray } from '../reference/formula.js'
import {
  concentrationOf, Marginal, sampledSphereKl, sampledSphereKlDerivative, sphereBackward, sphereForward, uniformMass,
} from '../reference/von-mises-fisher.js'
import { checkBackward } from '../support/derivatives.js'

const reference = suite('reference of the von Mises-Fisher latent')

reference('has the values that 50 digits give', async () => {
  const fixtures = await loadSphereFixtures()
  assert.is(fixtures.length, 56)
  for (const { size, kappa, mean, kl, klDerivative, quantiles } of fixtures) {
    const marginal = new Marginal(size, kappa)
    const what = `size ${size}, κ ${kappa}`
    assertClose([marginal.mean, marginal.kl, marginal.klDerivative], [mean, kl, klDerivative], what, 0, 1e-10)
    for (const [u, y, dyByKappa] of quantiles) {
      const quantile = marginal.quantile(u)
      assertClose([quantile.y, quantile.dyByKappa], [y, dyByKappa], `${what}, u ${u}`, 1e-10, 1e-8)
    }
  }
})

reference('gives the length of the mean that the engine has, to float32', async () => {
  for (const { size, kappa, mean } of await loadSphereFixtures()) {
    assertClose([meanLength(size, kappa)], [mean], `size ${size}, κ ${kappa}`, 0, 5e-8)
  }
  for (const size of [3, 10]) assertClose([meanLength(size, 1e-3)], [1e-3 / size], `size ${size}, κ 0.001`, 0, 1e-6)
})

reference('in three dimensions has the closed forms', () => {
  for (const kappa of [0.5, 3, 50]) {
    const marginal = new Marginal(3, kappa)
    const sinh = Math.sinh(kappa)
    const expected = [
      1 / Math.tanh(kappa) - 1 / kappa,
      kappa / Math.tanh(kappa) - 1 + Math.log(kappa / sinh),
      1 / kappa - kappa / sinh ** 2,
    ]
    assertClose([marginal.mean, marginal.kl, marginal.klDerivative], expected, `κ ${kappa}`, 0, 1e-11)
    const omega = Math.log(Math.exp(-kappa) + 2 * 0.3 * sinh) / kappa
    assertClose([Math.tanh(marginal.quantile(0.3).y)], [omega], `ω at κ ${kappa}`, 1e-12)
  }
  assertClose([2, 3, 4, 5].map(uniformMass), [Math.PI, 2, Math.PI / 2, 4 / 3], 'uniform mass', 1e-15)
})

for (const { size, kappa, u } of [{ size: 3, kappa: 1.5, u: 0.2 }, { size: 7, kappa: 30, u: 0.9 }]) {
  const [mean, dz] = [normalArray(size, 1), normalArray(size, 2)]
  const noise = Float64Array.from([u, ...normalArray(size, 3)])

  reference(`the backward passes are the derivatives at size ${size}, κ ${kappa}`, () => {
    const z = sphereForward(mean, kappa, noise)
    assertClose([z.reduce((sum, value) => sum + value ** 2, 0)], [1], 'the length of z', 1e-12)
    checkBackward('dMean', (p) => sphereForward(p, kappa, noise), mean,
      (d) => sphereBackward(d, mean, kappa, noise).dMean)
    const along = ([k]: ArrayLike<number> & Iterable<number>) =>
      sphereForward(mean, k, noise).reduce((sum, value, j) => sum + value * dz[j], 0)
    const { dKappa } = sphereBackward(dz, mean, kappa, noise)
    assertClose([dKappa], centralDifferences(along, [kappa], 1e-4), 'dKappa', 1e-9, 1e-6)
    const kl = centralDifferences(([k]) => new Marginal(size, k).kl, [kappa], 1e-4)
    assertClose([new Marginal(size, kappa).klDerivative], kl, 'klDerivative', 1e-9, 1e-6)
    const sampled = centralDifferences(([k]) => sampledSphereKl(k, size, u), [kappa], 1e-4)
    assertClose([sampledSphereKlDerivative(kappa, size, u)], sampled, 'of the sample', 1e-9, 1e-6)
  })
}

reference('the concentration is 1 + softplus of the output', () => {
  assertClose([-800, 0, 800].map(concentrationOf), [1, 1 + Math.LN2, 801], 'κ', 1e-12)
})

reference.run()
