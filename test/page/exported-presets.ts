// Every preset in ONNX Runtime and in PyTorch beside the engine in a page.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { presets, type Tensor } from '../../src/index.js'
import { suite } from '../harness/suite.js'
import { enginePage, type EnginePage } from '../support/engine-page.js'
import { exampleOf } from '../support/example.js'
import { pythonWithTorch, runExported, writeFolder } from '../support/exported.js'
import { expectSame } from '../support/onnx-runtime.js'

const COUNT = 64
/** Of the largest magnitude of an output. */
const BOUND = 1e-5

const exported = suite('exported presets')
const python = pythonWithTorch()
let page: EnginePage
let folder = ''

/** What goes into PyTorch, and what the engine made of it, by folder. */
const inputs: Record<string, Record<string, Tensor>> = {}
const expected: Record<string, Record<string, Tensor>> = {}

exported.before(async () => {
  page = await enginePage()
  folder = await mkdtemp(join(tmpdir(), 'elbo-exported-'))
})
exported.after(async () => {
  await page.close()
  await rm(folder, { recursive: true, force: true })
})

for (const [name, spec] of Object.entries(presets)) {
  exported(`${name} gives in ONNX Runtime what the engine gives of ${COUNT} drawn digits`, async () => {
    const example = exampleOf(spec, COUNT)
    const { outputs, file } = await expectSame(page, name, example)
    const { images, latents, labels } = example
    const own = join(folder, name)
    await writeFolder(own, spec, file)
    inputs[own] = { images, latents, ...(labels && { labels: vector(labels) }) }
    expected[own] = outputs
  })
}

exported('each of them does so in PyTorch', async () => {
  if (!python) return
  assert.is(Object.keys(inputs).length, Object.keys(presets).length)
  const came = await runExported(python, inputs)
  for (const [own, outputs] of Object.entries(expected)) {
    assert.equal(Object.keys(came[own]).sort(), Object.keys(outputs).sort(), own)
    for (const [name, { shape, data }] of Object.entries(outputs)) expectClose(`${own}: ${name}`, came[own][name], shape, data)
  }
})

exported.run()

function expectClose(what: string, came: Tensor, shape: readonly number[], data: Float32Array): void {
  assert.equal(came.shape, [...shape], what)
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - came.data[i])), 0)
  const bound = what.endsWith(': codes') ? 0 : BOUND * largest
  assert.ok(worst <= bound, `${what} is off by ${worst}, bound ${bound}`)
}

function vector(values: readonly number[]): Tensor {
  return { shape: [values.length], data: Float32Array.from(values) }
}
