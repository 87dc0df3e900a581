// npm run train with a prior over codes: the command in its own process and browser.
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readSafetensors } from '../../src/formats/safetensors.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, look, runCommand } from '../support/command.js'

const train = suite('train, a prior over codes')
let folder = ''
let data = ''
let spec = ''

train.before(async () => {
  ;({ folder, data } = await folderWithDigits('prior', { train: 120, test: 40 }))
  spec = join(folder, 'quantized.json')
  await writeFile(spec, JSON.stringify({
    input: [28, 28, 1],
    encoder: [{ type: 'conv', filters: 8, kernel: 7, stride: 7, padding: 0, activation: 'relu' }],
    latent: { type: 'vector-quantized', codes: 16, size: 4, codebookUpdate: 'moving-average' },
    decoder: [{ type: 'conv-transpose', filters: 1, kernel: 7, stride: 7, padding: 0 }],
    likelihood: { type: 'bernoulli' },
  }))
})
train.after(() => rm(folder, { recursive: true, force: true }))

const run = (args: string[]) => runCommand('src/tools/train.mjs', ['--data', data, '--adapter', 'software', ...args])
const priorStep = async (path: string) => {
  return JSON.parse(readSafetensors(await readFile(path)).metadata['elbo.prior.training']).step
}

train('trains it after the model, saves it, and draws what it makes beside codes drawn alone', async () => {
  const out = join(folder, 'run')
  const prior = ['--prior-epochs', '2', '--prior-layers', '2', '--prior-channels', '8']
  const ended = await run(['--spec', spec, '--epochs', '2', '--batch', '40', ...prior, '--out', out])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /then 2 epochs of a prior of 2 layers, of 8 channels/)
  assert.match(ended.text, /prior, epoch 2, step 6: \d\.\d{3} bits per test code/)
  assert.match(ended.text, /a code of the test images costs \d\.\d{3} bits under the prior, if each were .* \d\.\d{3}/)
  const files = await readdir(out)
  for (const name of ['samples.png', 'independent.png']) {
    assert.ok(files.includes(name), files.join(', '))
    assert.ok((await look(await readFile(join(out, name)))).colors > 20)
  }
  assert.is(await priorStep(join(out, 'model.safetensors')), 6)
})

train('goes on with the prior alone', async () => {
  const file = join(folder, 'run', 'model.safetensors')
  const before = readSafetensors(await readFile(file))
  const out = join(folder, 'more')
  const more = ['--epochs', '0', '--prior-epochs', '1', '--batch', '40', '--prior-layers', '2', '--prior-channels', '8']
  const ended = await run(['--resume', file, ...more, '--out', out])
  assert.is(ended.code, 0, ended.text)
  const after = readSafetensors(await readFile(join(out, 'model.safetensors')))
  assert.equal(after.tensors['encoder.0.weight'], before.tensors['encoder.0.weight'])
  assert.is(await priorStep(join(out, 'model.safetensors')), 9)
})

train('refuses a prior where there is nothing to train it on', async () => {
  for (const [args, message] of [
    [['--preset', 'mlp', '--prior-epochs', '1'], '--prior-epochs: the model has no codes'],
    [['--spec', spec, '--prior-layers', '1'], '--prior-layers and --prior-channels go with --prior-epochs'],
    [['--spec', spec, '--epochs', '0', '--prior-epochs', '1'], '--epochs needs a whole number from 1 on, got "0"'],
  ] as const) {
    const { code, text } = await run([...args])
    assert.is(code, 2, text)
    assert.ok(text.includes(message), text)
  }
})

train.run()
