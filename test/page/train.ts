// npm run train from end to end, each command in its own process and browser.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { subset } from '../../src/data/dataset.js'
import { glyphs } from '../../src/data/glyphs.js'
import { UsageError } from '../../src/tools/train/arguments.js'
import { parseHistory } from '../../src/tools/train/history.js'
import { parseOptions } from '../../src/tools/train/options.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { look, runCommand, writeIdx } from '../support/command.js'

const train = suite('train')
const common = ['--batch', '20', '--seed', '3', '--adapter', 'software']
let folder = ''
let data = ''

train.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-train-'))
  data = await mkdtemp(join(folder, 'data-'))
  const all = glyphs({ count: 240, seed: 1 })
  await writeIdx(data, 'train', subset(all, 0, 200))
  await writeIdx(data, 't10k', subset(all, 200))
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

train('stops at Ctrl-C, and what it saved goes on bit for bit', async () => {
  const [stopped, resumed, straight] = ['stopped', 'resumed', 'straight'].map((name) => join(folder, name))
  const begun = ['--preset', 'mlp', '--data', data, ...common]
  const model = (out: string) => readFile(join(out, 'model.safetensors'))
  const ended = await run([...begun, '--steps', '100000', '--out', stopped], (interrupt) => {
    const timer = setInterval(() => {
      if (!existsSync(join(stopped, 'history.csv'))) return
      clearInterval(timer)
      interrupt()
    }, 20)
  })
  assert.is(ended.code, 130, ended.text)
  assert.match(ended.text, 'Stopping after the steps under way')
  assert.ok(existsSync(join(stopped, 'reconstructions.png')))
  const { step } = readModel(await model(stopped)).training!.state
  assert.match(ended.text, `Stopped at step ${step.toLocaleString('en-US')}.`)

  const saved = join(stopped, 'model.safetensors')
  const both = await Promise.all([
    run(['--resume', saved, '--data', data, '--batch', '20', '--steps', '7', '--out', resumed, '--adapter', 'software']),
    run([...begun, '--steps', String(step + 7), '--checkpoint-every', '9', '--out', straight]),
  ])
  for (const { code, text } of both) assert.is(code, 0, text)
  assert.ok((await model(resumed)).equals(await model(straight)), 'the models have the same bytes')
  const [first, second] = await Promise.all(
    [resumed, straight].map(async (out) => parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))),
  )
  assert.equal(first.at(-1), second.at(-1))
  assert.equal(first[0], second[0], 'the resumed history begins with that of the run before')
})

train('saves what was learned when the loss stops being finite', async () => {
  const out = join(folder, 'broken')
  const ended = await run([
    ...['--preset', 'autoencoder', '--data', data, '--steps', '40', '--out', out, ...common],
    ...['--optimizer', 'sgd', '--learning-rate', '1e30'],
  ])
  assert.is(ended.code, 1, ended.text)
  assert.match(ended.text, /(loss|gradient) stopped being finite at step \d+/)
  assert.is(readModel(await readFile(join(out, 'model.safetensors'))).training!.state.optimizer.type, 'sgd')
})

train('says what is wrong with options, and what there is', async () => {
  const wrong: [args: string, message: string | RegExp][] = [
    ['--data glyphs', /--preset is missing; there are mlp, .*conv/],
    ['--preset vgg --data glyphs', /--preset: there is no "vgg"; there are mlp, /],
    ['--preset mlp', /--data is missing; there are mnist, .*glyphs/],
    ['--preset mlp --data glyphs --epoch 3', /--epoch is unknown; there are --preset, .*--epochs/],
    ['--preset mlp --data glyphs --epochs 3 --steps 2', 'not both'],
    ['--preset mlp --data glyphs --epochs 0', '--epochs needs a whole number from 1 on, got "0"'],
    ['--preset mlp --data glyphs --batch many', '--batch needs a number not below 0, got "many"'],
    ['--preset mlp --data glyphs --optimizer lion', 'there is no "lion"; there are adam, rmsprop, sgd'],
    ['--preset mlpDeep --data glyphs --rho 0.9', '--rho: adam has no "rho"; its keys are learning-rate'],
    ['--preset mlp --data glyphs --rho 1.5', '--rho: needs a number from 0 to below 1, got 1.5'],
    ['--preset mlp --data --seed 1', '--data needs a value'],
    ['--preset mlp --data glyphs 5', '"5" stands alone'],
  ]
  for (const [args, message] of wrong) {
    assert.throws(
      () => parseOptions(args.split(' ')),
      (error: Error) =>
        error instanceof UsageError &&
        (typeof message === 'string' ? error.message.includes(message) : message.test(error.message)),
      `${args}: ${message}`,
    )
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

train.run()

/** Runs the command to its end; `meanwhile` may interrupt it. */
function run(args: string[], meanwhile?: (interrupt: () => void) => void) {
  return runCommand('src/tools/train.mjs', args, meanwhile)
}
