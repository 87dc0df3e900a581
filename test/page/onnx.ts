// Small models of every kind in ONNX Runtime beside the engine in a page.
import {
  CLASSIFIER_FIXTURES, CONDITIONAL_FIXTURES, CONV_FIXTURES, DENSE_FIXTURES, DRAW_FIXTURES, LAYER_FIXTURES,
  LIKELIHOOD_FIXTURES, loadModelFixture, loadVaeGanFixtures, QUANTIZED_FIXTURES, SPHERE_FIXTURES,
} from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { enginePage, type EnginePage } from '../support/engine-page.js'
import { exampleOf } from '../support/example.js'
import { expectSame } from '../support/onnx-runtime.js'

const COUNT = 5

const onnx = suite('kinds in ONNX Runtime')
let page: EnginePage

onnx.before(async () => void (page = await enginePage()))
onnx.after(() => page.close())

const families = {
  dense: DENSE_FIXTURES,
  convolutional: CONV_FIXTURES,
  'vector-quantised': QUANTIZED_FIXTURES,
  conditional: CONDITIONAL_FIXTURES,
  'other likelihoods': LIKELIHOOD_FIXTURES,
  'other layers': LAYER_FIXTURES,
  'on the sphere': SPHERE_FIXTURES,
  'with a classifier': CLASSIFIER_FIXTURES,
  'DRAW': DRAW_FIXTURES,
}

for (const [family, names] of Object.entries(families)) {
  onnx(`${family}: ${names.length} models give what the engine gives`, async () => {
    for (const name of names) {
      const { spec, parameters } = await loadModelFixture(name)
      await expectSame(page, name, exampleOf(spec, COUNT, parameters))
    }
  })
}

onnx('with a discriminator: models give what the engine gives', async () => {
  for (const [name, { spec, parameters }] of Object.entries(await loadVaeGanFixtures())) {
    await expectSame(page, `vae-gan-${name.replaceAll(' ', '-')}`, exampleOf(spec, COUNT, parameters))
  }
})

onnx.run()
