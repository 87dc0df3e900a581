// elbo train as the package installs it, on Dawn in Node.
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode } from 'fast-png'
import * as assert from 'uvu/assert'
import { parseHistory } from '../../src/tools/train/history.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { BuiltCommand } from '../support/built-command.js'
import { folderWithDigits } from '../support/command.js'
import { SMALL } from '../support/engine.js'

const train = suite('elbo train')

let elbo: BuiltCommand
let folder = ''
let begun: string[] = []

train.before(async () => {
  const made = await folderWithDigits('train-node', { train: 100, test: 30 })
  folder = made.folder
  elbo = await BuiltCommand.make()
  await writeFile(join(folder, 'small.json'), JSON.stringify(SMALL))
  begun = ['train', '--spec', join(folder, 'small.json'), '--data', made.data, '--batch', '20', '--seed', '3']
})
train.after(async () => {
  await elbo.remove()
  await rm(folder, { recursive: true, force: true })
})

train('stops at Ctrl-C in Node, and --resume goes on bit for bit', async () => {
  const [stopped, resumed, straight] = ['stopped', 'resumed', 'straight'].map((name) => join(folder, name))
  const model = (out: string) => readFile(join(out, 'model.safetensors'))
  const ended = await elbo.run([...begun, '--steps', '1000000', '--out', stopped], {
    meanwhile: (signal) => {
      const timer = setInterval(() => {
        if (!existsSync(join(stopped, 'history.csv'))) return
        clearInterval(timer)
        signal('SIGINT')
      }, 20)
    },
  })
  assert.is(ended.code, 130, ended.text)
  assert.match(ended.text, 'Left out, as only a page draws them: loss.png, latent.png')
  const files = ['history.csv', 'manifold.png', 'model.safetensors', 'reconstructions.png', 'samples.png']
  assert.equal((await readdir(stopped)).sort(), files)
  const { width, height } = decode(await readFile(join(stopped, 'reconstructions.png')))
  assert.equal([width, height], [10 * 29 - 1, 4 * 29 - 1])
  const { step } = readModel(await model(stopped)).training!.state
  assert.match(ended.text, `Stopped at step ${step.toLocaleString('en-US')}.`)

  const saved = join(stopped, 'model.safetensors')
  const more = ['train', '--resume', saved, '--data', begun[4], '--batch', '20', '--steps', '7', '--out', resumed]
  const both = await Promise.all([elbo.run(more), elbo.run([...begun, '--steps', String(step + 7), '--out', straight])])
  for (const { code, text } of both) assert.is(code, 0, text)
  assert.ok((await model(resumed)).equals(await model(straight)), 'the models have the same bytes')
  const rows = await Promise.all([resumed, straight].map(async (out) => {
    return parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))
  }))
  assert.equal(rows[0].at(-1), rows[1].at(-1))
})

train('ends in one sentence where it cannot go on', async () => {
  const blocked = join(folder, 'blocked')
  await mkdir(join(blocked, 'model.safetensors'), { recursive: true })
  await writeFile(join(folder, 'file'), 'no model')
  const [file, below] = ['file', 'file/out'].map((name) => join(folder, name))
  const cases = [
    [[...begun, '--epoch', '1'], 2, '--epoch is unknown; there are '],
    [[...begun, '--out', below], 1, `${below} cannot be made: a part of the path is no folder`],
    [[...begun, '--epochs', '1', '--out', blocked], 1, `${join(blocked, 'model.safetensors')} cannot be written: it is a folder`],
    [['train', '--resume', file, '--data', begun[4]], 1, `${file}: safetensors: `],
    [[...begun, '--runtime', 'bun'], 2, '--runtime: there is no "bun"; there are node, chrome, deno'],
    [[...begun, '--runtime', 'deno'], 1, 'DENO_PATH is /gone, which does not exist'],
  ] as const
  for (const [args, code, message] of cases) {
    const ended = await elbo.run([...args], { env: { DENO_PATH: '/gone' } })
    assert.is(ended.code, code, ended.text)
    assert.ok(ended.text.includes(message), ended.text)
    assert.not.match(ended.text, /\n +at /)
  }
})

train('trains on a table of measurements, with a Gaussian likelihood, and encodes it', async () => {
  const [table, spec, out] = ['table.csv', 'table.json', 'table'].map((name) => join(folder, name))
  const rows = Array.from({ length: 60 }, (_, n) => [n % 3, 170 + 10 * Math.sin(n), 300 - n, -0.5 * n].join(','))
  await writeFile(table, `label,height,weight,balance\n${rows.join('\n')}\n`)
  await writeFile(spec, JSON.stringify({
    ...SMALL,
    input: [1, 1, 3],
    decoder: [{ type: 'dense', units: 3 }],
    likelihood: { type: 'gaussian', variance: 'learned' },
  }))
  const model = join(out, 'model.safetensors')
  const told = ['--data', table, '--out', out]
  const trained = await elbo.run(['train', '--spec', spec, ...told, '--batch', '10', '--epochs', '30', '--learning-rate', '0.01'])
  assert.is(trained.code, 0, trained.text)
  assert.match(trained.text, '54 training and 6 test images')
  const losses = parseHistory(await readFile(join(out, 'history.csv'), 'utf8')).map(({ total }) => total)
  assert.ok(losses.at(-1)! < 0.5 * losses[0], `${losses[0]} to ${losses.at(-1)}`)
  const encoded = await elbo.run(['encode', model, '--data', table, '--out', join(folder, 'z.csv')])
  assert.is(encoded.code, 0, encoded.text)
  const [header, ...lines] = (await readFile(join(folder, 'z.csv'), 'utf8')).trim().split('\n')
  assert.equal([header, lines.length], ['label,z1,z2', 6])

  const refused = await elbo.run(['train', '--preset', 'mlp', ...told])
  assert.is(refused.code, 1, refused.text)
  assert.match(refused.text, 'other numbers go with a Gaussian likelihood')
})

train.run()
