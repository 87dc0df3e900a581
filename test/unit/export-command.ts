import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { presets } from '../../src/index.js'
import { exportPytorch } from '../../src/pytorch.js'
import { command, parseOptions } from '../../src/tools/export/command.js'
import { suite } from '../harness/suite.js'
import { thrownBy } from '../support/errors.js'
import { TINY } from '../support/engine.js'
import { savedExample } from '../support/saved-example.js'

const test = suite('npm run export')

let folder = ''
let model = ''

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-export-'))
  model = join(folder, 'tiny.safetensors')
  await writeFile(model, savedExample(TINY))
})
test.after(() => rm(folder, { recursive: true, force: true }))

test('writes a folder for PyTorch, the saved file in it byte for byte', async () => {
  const out = join(folder, 'deep', 'pytorch')
  const said = execFileSync(process.execPath, ['src/tools/export.mjs', '--to', 'pytorch', model, '--out', out]).toString()
  assert.match(said, /model\.safetensors {2}[\d,]+ bytes/)
  assert.equal((await readdir(out)).sort(), ['files.py', 'model.py', 'model.safetensors', 'train.py'])
  assert.equal(await readFile(join(out, 'model.safetensors')), await readFile(model))
  const files = await exportPytorch({ spec: TINY, save: async () => readFile(model) })
  for (const [name, bytes] of Object.entries(files)) {
    assert.equal(await readFile(join(out, name)), Buffer.from(bytes), name)
  }
})

test('writes every part that a model has as ONNX, or one', async () => {
  const out = join(folder, 'onnx')
  assert.is(await quietly(['--to', 'onnx', model, '--out', out]), 0)
  assert.equal((await readdir(out)).sort(), ['decoder.onnx', 'encoder.onnx', 'reconstruct.onnx'])
  const labelled = join(folder, 'labelled.safetensors')
  await writeFile(labelled, savedExample(presets.semiSupervised))
  await quietly(['--to', 'onnx', labelled, '--out', join(folder, 'all')])
  assert.ok((await readdir(join(folder, 'all'))).includes('classifier.onnx'))
  await quietly(['--to', 'onnx', '--part', 'classifier', labelled, '--out', join(folder, 'one')])
  assert.equal(await readdir(join(folder, 'one')), ['classifier.onnx'])
})

test('says what is wrong with a command line, a file or a folder', async () => {
  const out = ['--out', join(folder, 'nothing')]
  for (const [args, message] of [
    [[model, ...out], '--to says what to write: pytorch or onnx'],
    [['--to', 'onnxx', model, ...out], '--to: there is no format "onnxx", did you mean "onnx"'],
    [['--to', 'onnx', ...out], 'which model? Give the .safetensors file that training has written'],
    [['--to', 'onnx', model], '--out names the folder to write to'],
    [['--to', 'pytorch', '--part', 'encoder', model, ...out], '--part goes with --to onnx'],
    [['--to', 'onnx', '--part', 'middle', model, ...out], '--part: there is no part "middle"'],
    [['--to', 'onnx', '--part', 'classifier', model, ...out], 'this model has no classifier'],
    [['--to', 'onnx', join(folder, 'none'), ...out], `${join(folder, 'none')} cannot be read: it is not there`],
    [['--to', 'onnx', 'package.json', ...out], 'package.json: safetensors: '],
    [['--to', 'onnx', model, '--out', join(model, 'x')], 'cannot be made: a part of the path is no folder'],
  ] as const) {
    const error = await thrownBy(() => command([...args]))
    assert.ok(error.message.includes(message), error.message)
  }
  assert.not.ok((await readdir(folder)).includes('nothing'))
  assert.is(parseOptions(['--help']), undefined)
})

test.run()

/** The command without its lines. */
async function quietly(args: string[]): Promise<number> {
  const { log } = console
  console.log = () => {}
  try {
    return await command(args)
  } finally {
    console.log = log
  }
}
