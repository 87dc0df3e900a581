// Every preset in ONNX Runtime beside the engine.
import { presets } from '../../src/index.js'
import { suite } from '../harness/suite.js'
import { enginePage, type EnginePage } from '../support/engine-page.js'
import { exampleOf } from '../support/example.js'
import { expectSame } from '../support/onnx-runtime.js'

const COUNT = 64

const onnx = suite('presets in ONNX Runtime')
let page: EnginePage

onnx.before(async () => void (page = await enginePage()))
onnx.after(() => page.close())

for (const [name, spec] of Object.entries(presets)) {
  onnx(`${name} gives what the engine gives of ${COUNT} drawn digits`, () => {
    return expectSame(page, name, exampleOf(spec, COUNT))
  })
}

onnx.run()
