// npm run train from end to end, each command in its own process and browser.
import { existsSync } from 'node:fs'
import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { UsageError } from '../../src/tools/arguments.mjs'
import { parseHistory } from '../../src/tools/train/history.js'
import { parseOptions } from '../../src/tools/train/options.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, look, type Meanwhile, runCommand } from '../support/command.js'
import { thrownBy } from '../support/errors.js'

const train = suite('train')
const common = ['--batch', '20', '--seed', '3', '--adapter', 'software']
let folder = ''
let data = ''

train.before(async () => {
  ;({ folder, data } = await folderWithDigits('train', { train: 200, test: 40 }))
})
train.after(() => rm(folder, { recursive: true, force: true }))

train('trains for epochs and writes model, history and pictures', async () => {
  const out = join(folder, 'epochs')
  const ended = await run(['--preset', 'mlp', '--data', data, '--epochs', '3', '--out', out, ...common])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /200 training and 40 test images/)
  assert.match(ended.text, /epoch 3, step 30: test −ELBO \d+\.\d\d nats per image = \d+\.\d\d reconstruction \+ \d/)
  assert.match(ended.text, 'software adapter')
  const pictures = ['latent.png', 'loss.png', 'manifold.png', 'reconstructions.png', 'samples.png']
  assert.equal((await readdir(out)).sort(), ['history.csv', ...pictures, 'model.safetensors'].sort())

  const rows = parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))
  const of = (set: string) => rows.filter((row) => row.set === set)
  assert.equal(of('train').map(({ step, epoch }) => [step, epoch]), [[10, 1], [20, 2], [30, 3]])
  assert.equal(of('test').map(({ step }) => step), [10, 20, 30])
  for (const { total, reconstruction, kl } of rows) assert.ok(Math.abs(total - reconstruction - kl) < 1e-9 * total)
  assert.ok(of('train')[2].total < 0.8 * of('train')[0].total, 'the loss falls')
  assert.ok(of('test')[2].total < of('test')[0].total, 'and so does that of the test images')

  const grids = { 'manifold.png': 1452, 'samples.png': 1364 }
  const widths = { 'latent.png': 1592, 'loss.png': 1824, 'reconstructions.png': 1424, ...grids }
  for (const [name, width] of Object.entries(widths)) {
    const picture = await look(await readFile(join(out, name)))
    assert.is(picture.width, width, name)
    assert.ok(picture.height > width / 2 && picture.height < 1.5 * width, `${name} is ${picture.height} high`)
    assert.ok(picture.colors > 50, `${name} has ${picture.colors} colours`)
    assert.ok(picture.inked > 0.005 && picture.inked < 0.9, `${name}: ${picture.inked} of it is not paper`)
  }
})

train('trains a specification from a file', async () => {
  const out = join(folder, 'own')
  const path = join(folder, 'wide.json')
  const spec = {
    input: [28, 28, 1],
    encoder: [{ type: 'conv', filters: 2, kernel: 3, stride: 4, activation: 'relu' }, { type: 'flatten' }],
    latent: { type: 'gaussian', size: 3 },
    decoder: [{ type: 'dense', units: 784 }],
    likelihood: { type: 'gaussian', variance: 0.1 },
  }
  await writeFile(path, JSON.stringify(spec))
  const ended = await run(['--spec', path, '--data', data, '--steps', '3', '--out', out, ...common, '--learning-rate', '0.01'])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /wide on data-.*: 200 training/)
  assert.match(ended.text, 'Adam, learning rate 0.01, beta1 0.9')
  const { model, training } = readModel(await readFile(join(out, 'model.safetensors')))
  assert.equal([JSON.stringify(model.spec), training!.state.step], [JSON.stringify(spec), 3])
  assert.ok(existsSync(join(out, 'samples.png')))

  const colours = { ...spec, input: [28, 28, 3], decoder: [{ type: 'dense', units: 2352 }] }
  await writeFile(path, JSON.stringify(colours))
  const other = await run(['--spec', path, '--data', data, ...common])
  assert.is(other.code, 2, other.text)
  assert.match(other.text, '--data: images are 28 × 28 × 1, the model needs 28 × 28 × 3')
  await writeFile(path, JSON.stringify({ ...spec, decoder: [{ type: 'dense', units: 784, activation: 'gelu' }] }))
  const wrong = await run(['--spec', path, '--data', data, ...common])
  assert.is(wrong.code, 1, wrong.text)
  assert.match(wrong.text, /wide\.json: decoder\[0\]\.activation: .*gelu/)
})

train('says what is wrong with options, and what there is', async () => {
  const wrong: [args: string, message: string | RegExp][] = [
    ['--data glyphs', /--preset is missing; there are mlp, .*conv/],
    ['--preset vgg --data glyphs', /--preset: there is no "vgg"; there are mlp, /],
    ['--preset mlp', /--data is missing; there are mnist, .*glyphs/],
    ['--preset mlp --data glyphs --epoch 3', /--epoch is unknown; there are --preset, .*--epochs/],
    ['--preset mlp --data glyphs --epochs 3 --steps 2', 'not both'],
    ['--preset mlp --data glyphs --epochs 0', '--epochs needs a whole number from 1 on, got "0"'],
    ['--preset mlp --data glyphs --epochs -1', '--epochs needs a whole number from 1 on, got "-1"'],
    ['--preset mlp --data glyphs --batch many', '--batch needs a whole number from 1 on, got "many"'],
    ['--preset mlp --spec x.json --data glyphs', 'give --spec or --preset, not both'],
    ['--preset mlp --data glyphs --optimizer lion', 'there is no "lion"; there are adam, rmsprop, sgd'],
    ['--preset mlpDeep --data glyphs --rho 0.9', '--rho: adam has no "rho"; its keys are learning-rate'],
    ['--preset mlp --data glyphs --rho 1.5', '--rho: needs a number from 0 to below 1, got 1.5'],
    ['--preset mlp --data --seed 1', '--data needs a value'],
    ['--preset mlp --data glyphs 5', '"5" stands alone'],
  ]
  for (const [args, message] of wrong) {
    const error = await thrownBy(() => parseOptions(args.split(' ')))
    assert.instance(error, UsageError, args)
    assert.match(error.message, message)
  }
  assert.is(parseOptions(['--help']), undefined)
  const cut = join(folder, 'cut.safetensors')
  await writeFile(cut, (await readFile('test/fixtures/dense.safetensors')).subarray(0, 999))
  const [missing, truncated, help] = await Promise.all([
    run(['--preset', 'mlp', '--data', join(folder, 'nowhere')]),
    run(['--resume', cut, '--data', data]),
    run(['--help']),
  ])
  assert.is(missing.code, 2)
  assert.match(missing.text, /nowhere" is no folder, and no data set: there are mnist/)
  assert.is(truncated.code, 1)
  assert.match(truncated.text, 'cut.safetensors: ')
  assert.is(help.code, 0)
  assert.match(help.text, '--learning-rate')
})

/** Runs the command to its end. */
function run(args: string[], meanwhile?: Meanwhile) {
  return runCommand('src/tools/train.mjs', args, meanwhile)
}

train.run()
