// elbo's commands that use a saved model, as the package installs them, on Dawn in Node.
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from 'fast-png'
import * as assert from 'uvu/assert'
import type { VaeSpec } from '../../src/index.js'
import { readCsv } from '../../src/tools/files/csv.js'
import { readNpy } from '../../src/tools/files/npy.js'
import { suite } from '../harness/suite.js'
import { BuiltCommand } from '../support/built-command.js'
import { folderWithDigits } from '../support/command.js'
import { SMALL } from '../support/engine.js'
import { savedExample } from '../support/saved-example.js'

const test = suite('elbo')

const CONDITIONAL: VaeSpec = { ...SMALL, classes: 10 }
const QUANTIZED: VaeSpec = {
  input: [28, 28, 1],
  encoder: [{ type: 'conv', filters: 4, kernel: 7, stride: 7, padding: 0, activation: 'relu' }],
  latent: { type: 'vector-quantized', codes: 8, size: 2 },
  decoder: [{ type: 'conv-transpose', filters: 1, kernel: 7, stride: 7, padding: 0 }],
  likelihood: { type: 'bernoulli' },
}

let elbo: BuiltCommand
let folder = ''
let data = ''

test.before(async () => {
  ;({ folder, data } = await folderWithDigits('command', { train: 20, test: 12 }))
  elbo = await BuiltCommand.make()
  for (const [name, spec] of Object.entries({ small: SMALL, conditional: CONDITIONAL, quantized: QUANTIZED })) {
    await writeFile(at(`${name}.safetensors`), savedExample(spec))
  }
})
test.after(async () => {
  await elbo.remove()
  await rm(folder, { recursive: true, force: true })
})

test('evaluate tells every part of the loss, and the importance-weighted bound', async () => {
  const text = await run(['evaluate', at('small.safetensors'), '--data', data, '--importance-samples', '3', '--json'])
  const loss = JSON.parse(text)
  assert.is(loss.images, 12)
  assert.ok(Math.abs(loss.total - loss.reconstruction - loss.kl) < 1e-3 * loss.total, text)
  assert.ok(loss.importanceWeighted > 0 && loss.importanceWeighted < loss.total, text)
})

for (const [name, shape] of [['small', [2]], ['quantized', [4, 4]]] as const) {
  test(`encode and then decode is reconstruct, bit for bit: ${name}`, async () => {
    const model = at(`${name}.safetensors`)
    const [codes, decoded, reconstructed] = ['z.npy', 'decoded.npy', 'reconstructed.npy'].map((file) => at(`${name}-${file}`))
    const [said] = await Promise.all([
      run(['encode', model, '--data', data, '--out', codes]),
      run(['reconstruct', model, '--data', data, '--out', reconstructed]),
    ])
    assert.match(said, `12 rows of ${shape.join(' × ')}`)
    assert.equal(readNpy(await readFile(codes)).shape, [12, ...shape])
    await run(['decode', model, '--codes', codes, '--out', decoded])
    assert.equal(readNpy(await readFile(decoded)).shape, [12, 28, 28, 1])
    assert.ok((await readFile(decoded)).equals(await readFile(reconstructed)), 'the same bytes')
  })
}

test('labels go along in a table, and choose what a conditional model draws', async () => {
  const model = at('conditional.safetensors')
  const [table, images, sheet] = ['z.csv', 'images', 'sheet.png'].map(at)
  const [, sampled] = await Promise.all([
    run(['encode', model, '--data', data, '--set', 'train', '--count', '5', '--out', table]),
    run(['sample', model, '--count', '6', '--label', '3', '--seed', '1', '--columns', '3', '--out', sheet]),
  ])
  assert.equal(readCsv(await readFile(table)).columns, ['label', 'z1', 'z2'])
  assert.match(sampled, '6 images')
  const { width, height, channels } = decode(await readFile(sheet))
  assert.equal([width, height, channels], [3 * 29 - 1, 2 * 29 - 1, 1])
  await run(['decode', model, '--codes', table, '--out', images])
  assert.equal((await readdir(images)).sort(), ['0.png', '1.png', '2.png', '3.png', '4.png'])
})

test.run()

function at(name: string): string {
  return join(folder, name)
}

/** What a command says that ends well. */
async function run(args: string[]): Promise<string> {
  const { code, text } = await elbo.run(args)
  assert.is(code, 0, text)
  return text
}
