import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkSpec } from '../../src/model/check.js'
import { parameterCount } from '../../src/model/parameters.js'
import { sizeOf } from '../../src/model/shapes.js'
import { presets } from '../../src/model/presets.js'

const test = suite('presets')

const counts: Record<keyof typeof presets, number> = {
  mlp: 404_244,
  mlpDeep: 1_189_984,
  conv: 550_629,
  conditional: 660_824,
  vectorQuantized: 1_205_779,
  autoencoder: 209_968,
  sphere: 469_396,
  semiSupervised: 1_268_394,
  draw: 823_095,
  vaeGan: 2_344_260,
}

for (const [name, count] of Object.entries(counts)) {
  test(`${name} has ${count} parameters`, () => {
    const model = checkSpec(presets[name as keyof typeof presets])
    assert.is(parameterCount(model.parameters()), count)
  })
}

test('are plain JSON', () => {
  assert.equal(JSON.parse(JSON.stringify(presets)), presets)
})

test('cannot be changed by accident', () => {
  assert.throws(() => presets.mlp.encoder.push({ type: 'flatten' }), /not extensible/)
  assert.throws(() => Object.assign(presets.mlp.latent, { size: 3 }), /read only/)
  const own = structuredClone(presets.mlp)
  own.latent.size = 3
  assert.is(sizeOf(checkSpec(own).latent.output), 3)
})

test.run()
