import { DataError, ShapeError } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const test = suite('setParameters')

const bias = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
const good = { 'encoder.0.bias': bias(1, 2, 3, 4, 5) }

gpuTest(test, 'refuses a wrong name, shape or value, and then sets none', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    const before = await vae.parameters()
    const refused = (values: object, ...expected: [type: typeof ShapeError | typeof DataError, ...parts: string[]]) => {
      const [type, ...parts] = expected
      const code = type === ShapeError ? 'shape' : 'data'
      return expectError(() => vae.setParameters({ ...good, ...values } as never), type, code, 'setParameters', ...parts)
    }
    await refused({ 'encoder.1.bias': bias(1) }, ShapeError, '"encoder.1.bias"', 'encoder.0.bias', 'decoder.1.weight')
    await refused({ 'decoder.0.bias': bias(1, 2, 3) }, ShapeError, '"decoder.0.bias"', '[3]', 'needs [6]')
    const turned = { shape: [12, 5], data: new Float32Array(60) }
    await refused({ 'encoder.0.weight': turned }, ShapeError, '"encoder.0.weight"', '[12,5]', 'needs [5,12]')
    const short = { shape: [5, 12], data: new Float32Array(59) }
    await refused({ 'encoder.0.weight': short }, ShapeError, '"encoder.0.weight"', '59 values', 'needs [5,12]')
    await refused({ 'decoder.0.bias': bias(0, 0, 0, 0, NaN, 0) }, DataError, '"decoder.0.bias"', 'value 4', 'NaN')
    await refused({ 'decoder.0.bias': bias(Infinity, 0, 0, 0, 0, 0) }, DataError, 'value 0', 'Infinity')
    for (const none of [undefined, null, 3, new Float32Array(6), [0, 0, 0, 0, 0, 0]]) {
      await refused({ 'decoder.0.bias': none }, ShapeError, '"decoder.0.bias"', 'needs [6]')
    }
    expectSameParameters(await vae.parameters(), before)
    await vae.setParameters(good)
    expectSameParameters(await vae.parameters(), { ...before, ...good })
  }))

test.run()
