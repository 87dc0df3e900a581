import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { presets, type Tensor, type VaeSpec } from '../../src/index.js'
import { suite } from '../harness/suite.js'
import { expectWithin, largestBounds } from './bounds.js'
import { enginePage, type EnginePage } from './engine-page.js'
import { exampleOf } from './example.js'
import { pythonWithTorch, runExported, writeFolder } from './exported.js'
import { expectSame } from './onnx-runtime.js'

const COUNT = 64
/** Of the largest magnitude of an output. */
const BOUND = 1e-5

type PresetName = keyof typeof presets

/** Those that take long: convolutions, and steps that are written out. */
const LARGE: readonly PresetName[] = ['conv', 'vectorQuantized', 'vaeGan', 'draw']

/** The large presets or the others, which two files share: together they would take long for one. */
export function presetNames(are: 'large' | 'small'): PresetName[] {
  return (Object.keys(presets) as PresetName[]).filter((name) => LARGE.includes(name) === (are === 'large'))
}

/** Holds presets in ONNX Runtime and in PyTorch to what the engine in a page makes of the same images. */
export function holdExported(title: string, names: readonly PresetName[]): void {
  const exported = suite(title)
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

  for (const name of names) {
    const spec: VaeSpec = presets[name]
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
    assert.is(Object.keys(inputs).length, names.length)
    const came = await runExported(python, inputs)
    for (const [own, outputs] of Object.entries(expected)) {
      assert.equal(Object.keys(came[own]).sort(), Object.keys(outputs).sort(), own)
      for (const [name, { shape, data }] of Object.entries(outputs)) {
        const what = `${own}: ${name}`
        assert.equal(came[own][name].shape, shape, what)
        expectWithin(came[own][name].data, data, largestBounds(data, name === 'codes' ? 0 : BOUND), what)
      }
    }
  })

  exported.run()
}

function vector(values: readonly number[]): Tensor {
  return { shape: [values.length], data: Float32Array.from(values) }
}
