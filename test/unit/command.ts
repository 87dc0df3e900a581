// elbo's commands where they need no GPU: the words that choose them, what they refuse, the files they write and read.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from 'fast-png'
import * as assert from 'uvu/assert'
import { presets } from '../../src/index.js'
import { dispatch, helpCall } from '../../src/tools/command/commands.js'
import { readCodes, writeCodes } from '../../src/tools/command/codes-file.js'
import { writeImages } from '../../src/tools/command/write-images.js'
import { readCsv } from '../../src/tools/files/csv.js'
import { readNpy, writeNpy } from '../../src/tools/files/npy.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { TINY } from '../support/engine.js'
import { thrownBy } from '../support/errors.js'
import { savedExample } from '../support/saved-example.js'

const test = suite('elbo, the command')

let folder = ''
let model = ''
const at = (name: string) => join(folder, name)

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-command-'))
  model = at('tiny.safetensors')
  await writeFile(model, savedExample(TINY))
  await writeFile(at('quantized.safetensors'), savedExample(presets.vectorQuantized))
})
test.after(() => rm(folder, { recursive: true, force: true }))

test('helps, as a whole and with every command', async () => {
  const { text } = await said(['--help'])
  const names = [...text.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name]) => name)
  assert.ok(names.length >= 7, text)
  for (const name of names) {
    const own = await said([name, '--help'])
    assert.is(own.code, 0)
    assert.ok(own.text.startsWith(`elbo ${name} `), own.text)
    assert.is(helpCall([name, 'x']), `elbo ${name} --help`)
  }
  assert.is(helpCall(['gone']), 'elbo --help')
  assert.equal(await said(['--version']), { code: 0, text: '1.2.3' })
})

test('tells what a saved model is, in words and as JSON', async () => {
  const { text } = await said(['info', model])
  assert.match(text, /^encoder\.0\.weight +\[5, 12\]$/m)
  assert.match(text, /^latent +gaussian, size 2$/m)
  assert.match(text, 'not trained yet')
  assert.ok(text.includes(JSON.stringify(TINY)))
  const facts = JSON.parse((await said(['info', model, '--json'])).text)
  assert.equal([facts.spec, facts.training, facts.preset], [TINY, null, null])
  const { text: other } = await said(['info', at('quantized.safetensors')])
  assert.match(other, 'the preset vectorQuantized')
})

test('refuses what cannot be in one sentence each', async () => {
  const damaged = at('damaged.safetensors')
  await writeFile(damaged, (await readFile(model)).subarray(0, -4))
  await writeFile(at('short.npy'), writeNpy({ shape: [2, 2], data: new Float32Array(4) }).subarray(0, -3))
  await writeFile(at('wide.npy'), writeNpy({ shape: [2, 3], data: new Float32Array(6) }))
  await writeFile(at('text.csv'), 'z1,z2\n1,2\n3,four\n')
  const out = ['--out', at('out.png')]
  const lacking = at('no/z.npy')
  for (const [args, kind, message] of [
    [[], 'UsageError', 'which command? There are '],
    [['infos'], 'UsageError', 'there is no command "infos", did you mean "info"?'],
    [['--json', 'info'], 'UsageError', 'a command comes first, then its options: elbo COMMAND --json'],
    [['info'], 'UsageError', 'which model? Give the .safetensors file that training has written'],
    [['info', model, '--jsn'], 'UsageError', '--jsn is unknown'],
    [['info', at('gone')], 'Error', `${at('gone')} cannot be read: it is not there`],
    [['info', folder], 'Error', `${folder} cannot be read: it is a folder`],
    [['info', damaged], 'FormatError', `${damaged}: safetensors: `],
    [['evaluate', model], 'UsageError', '--data is missing'],
    [['evaluate', model, '--data', at('gone')], 'UsageError', `--data: "${at('gone')}" is no folder, and no data set`],
    [['evaluate', model, '--data', 'glyphs'], 'UsageError', '--data: images are 28 × 28 × 1, the model needs 4 × 3 × 1'],
    [['evaluate', model, '--data', folder], 'DataError', `mnist: ${folder} has none of `],
    [['encode', model, '--data', 'glyphs', '--out', 'z.txt'], 'UsageError', '--out needs a file that ends in .npy or .csv'],
    [['decode', model, '--codes', at('short.npy'), ...out], 'FormatError', 'needs 4 values of 4 bytes; the file is damaged'],
    [['decode', model, '--codes', at('wide.npy'), ...out], 'Error', "has rows of 3 values, the model's codes have 2"],
    [['decode', model, '--codes', at('text.csv'), ...out], 'FormatError', 'csv: line 3, cell 2 is "four", needs a number'],
    [['decode', model, '--codes', at('wide.npy')], 'UsageError', '--out says where the images go'],
    [['sample', model, '--count', 'x'], 'UsageError', '--count needs a whole number from 1 on, got "x"'],
    [['sample', model, '--label', '1'], 'UsageError', '--label: the model is not conditional; leave it out'],
  ] as const) {
    const error = await thrownBy(() => dispatch([...args], ''))
    assert.is(error.name, kind, error.message)
    assert.ok(error.message.includes(message), error.message)
    assert.not.match(error.message, /\n/)
  }
  const row = { shape: [2], data: new Float32Array(2) }
  const unwritten = await thrownBy(() => writeCodes(lacking, row))
  assert.is(unwritten.message, `${lacking} cannot be written: its folder is not there`)
})

test('codes come back from both kinds of file with the same bits', async () => {
  const { model: tiny } = readModel(await readFile(model))
  const data = Float32Array.from([0.1, -1e-7, 3.4028235e38, 1 / 3, 2, 16777215])
  const labels = Uint8Array.of(4, 0, 9)
  for (const name of ['codes.npy', 'codes.csv']) {
    await writeCodes(at(name), { shape: [2], data, labels })
    const read = await readCodes(at(name), tiny)
    assert.equal(read.data, data, name)
    assert.equal(read.labels, name.endsWith('csv') ? labels : undefined)
  }
  const { model: quantized } = readModel(await readFile(at('quantized.safetensors')))
  const codes = Uint32Array.from({ length: 64 }, (_, i) => 7 * i)
  for (const name of ['places.npy', 'places.csv']) {
    await writeCodes(at(name), { shape: [8, 8], data: codes })
    assert.equal((await readCodes(at(name), quantized)).data, codes, name)
  }
})

test('arrays are NumPy files: the header ends at a multiple of 64, other kinds are read or refused', async () => {
  const file = Buffer.from(writeNpy({ shape: [3], data: Float32Array.of(1, 2, 3) }))
  assert.is((10 + file.readUInt16LE(8)) % 64, 0)
  assert.match(file.toString('latin1'), "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }")
  const long = Buffer.from(file.toString('latin1').replace('<f4', '<i8'), 'latin1').subarray(0, file.length - 4)
  long.writeBigInt64LE(-5n, long.length - 8)
  const one = Buffer.from(long.toString('latin1').replace('(3,)', '(1,)'), 'latin1')
  assert.equal(readNpy(one), { shape: [1], data: Float64Array.of(-5) })
  const half = Buffer.from(file.toString('latin1').replace('<f4', '<f2'), 'latin1')
  assert.match((await thrownBy(() => readNpy(half))).message, 'npy: the values are <f2, needs one of')
  assert.match((await thrownBy(() => readNpy(file.subarray(0, 8)))).message, 'in its header')
  assert.match((await thrownBy(() => readNpy(Buffer.from('hello')))).message, 'does not begin')
})

test('tables may have a header or none, and other marks between the cells', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  assert.equal(readCsv(bytes('1;2\r\n3;4\r\n')), { rows: 2, width: 2, data: Float64Array.of(1, 2, 3, 4) })
  assert.equal(readCsv(bytes('"a"\tb\n1\t2')), { columns: ['a', 'b'], rows: 1, width: 2, data: Float64Array.of(1, 2) })
})

test('a sheet has every image in its place, in rows of originals and reconstructions', async () => {
  const shape = [1, 2, 1] as const
  const below = Float32Array.of(0, 1, 0.2, 0.4, 0.6, 7)
  const above = Float32Array.of(1, 0, 1, 0, 1, 0)
  await writeImages({ path: at('sheet.png'), columns: 2 }, below, shape, above)
  const { width, height, data } = decode(await readFile(at('sheet.png')))
  assert.equal([width, height], [5, 7])
  const row = (y: number) => [...data.subarray(5 * y, 5 * y + 5)]
  assert.equal([0, 2, 4, 6].map(row), [
    [255, 0, 255, 255, 0],
    [0, 255, 255, 51, 102],
    [255, 0, 255, 255, 255],
    [153, 255, 255, 255, 255],
  ])
  await mkdir(at('blocked/0.png'), { recursive: true })
  const error = await thrownBy(() => writeImages({ path: at('blocked') }, below, shape))
  assert.is(error.message, `${at('blocked/0.png')} cannot be written: it is a folder`)
})

test.run()

/** What a command says, and its exit code. */
async function said(args: string[]): Promise<{ code: number; text: string }> {
  const { log } = console
  const lines: string[] = []
  console.log = (line: string) => void lines.push(line)
  try {
    return { code: await dispatch(args, '1.2.3'), text: lines.join('\n') }
  } finally {
    console.log = log
  }
}
