import * as assert from 'uvu/assert'
import { dataset, DataError, glyphs, ShapeError, SpecError, take, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectWithin } from '../support/bounds.js'
import { SMALL, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const units = suite('active units')

/** The variance of every column, in two passes. */
function variances(data: Float32Array, Z: number): Float64Array {
  const n = data.length / Z
  return Float64Array.from({ length: Z }, (_, j) => {
    const column = Array.from({ length: n }, (_, i) => data[i * Z + j])
    const mean = column.reduce((sum, value) => sum + value, 0) / n
    return column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n
  })
}

gpuTest(units, 'are the variance of the posterior means over more images than run at once', ({ device }) =>
  withEngine(device, async (engine) => {
    const spec: VaeSpec = { ...SMALL, latent: { type: 'gaussian', size: 5 }, classes: 10 }
    const vae = await engine.createVae(spec, { seed: 3 })
    const parameters = await vae.parameters()
    const mean = parameters['latent.mean.weight'] // [5, 24]
    mean.data.fill(0, 24, 48) // unit 1 says nothing
    parameters['latent.mean.bias'].data[1] = 1000
    await vae.setParameters(parameters)
    const set = glyphs({ count: 700, seed: 2 })
    const images = Float32Array.from(set.images, (byte) => byte / 255)
    const expected = variances((await vae.encode(images, { labels: set.labels })).mean.data, 5)
    const { active, variance } = await vae.activeUnits(set)
    expectWithin(variance, expected, expected.map((value) => 1e-6 * value), 'variance')
    assert.is(variance[1], 0)
    assert.is(active, 4)
    const second = [...variance].sort((a, b) => b - a)[1]
    assert.is((await vae.activeUnits(set, { threshold: second })).active, 1)
  }))

gpuTest(units, 'are of a plain code too, and need images of the model’s size', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
    const vae = await engine.createVae({ ...TINY, latent: { type: 'deterministic', size: 3 } })
    const { active, variance } = await vae.activeUnits(take(set, 1))
    assert.equal([active, ...variance], [0, 0, 0, 0])
    assert.ok((await vae.activeUnits(set)).active > 0)
    await expectError(() => vae.activeUnits(glyphs({ count: 3, seed: 1 })), ShapeError, 'shape', 'activeUnits', '4 × 3 × 1')
    await expectError(() => vae.activeUnits(set, { threshold: -1 }), SpecError, 'spec', 'activeUnits.threshold')
    const conditional = await engine.createVae({ ...TINY, classes: 3 })
    await expectError(() => conditional.activeUnits(set), DataError, 'data', 'activeUnits', 'labels')
  }))

units.run()
