// npm run train with a class held out, and with few labels: each command in its own process and browser.
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { parseHistory } from '../../src/tools/train/history.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, look, runCommand } from '../support/command.js'

const train = suite('train, classes held out or hidden')
let folder = ''
let data = ''

train.before(async () => {
  ;({ folder, data } = await folderWithDigits('survey', { train: 200, test: 60 }))
})
train.after(() => rm(folder, { recursive: true, force: true }))

const run = (args: string[]) => runCommand('src/tools/train.mjs', ['--data', data, '--adapter', 'software', ...args])

train('holds a class out, scores the test images and shows the extremes', async () => {
  const out = join(folder, 'anomaly')
  const options = ['--anomaly', '3', '--samples', '4', '--steps', '20', '--batch', '20']
  const ended = await run(['--preset', 'mlp', ...options, '--out', out])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /1[0-9]{2} training and 60 test images/)
  assert.match(ended.text, /class 3, which training has not seen, by the reconstruction loss: AUROC [01]\.\d{3}/)
  const picture = await look(await readFile(join(out, 'anomalies.png')))
  assert.ok(picture.width > 1000 && picture.colors > 50 && picture.inked > 0.01, JSON.stringify(picture))
})

train('hides labels, and tells the error beside that of the labels alone', async () => {
  const out = join(folder, 'labels')
  const preset = ['--preset', 'semiSupervised', '--labels', '20', '--steps', '12', '--batch', '20']
  const ended = await run([...preset, '--out', out])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /test error \d+\.\d\d %; of the classifier trained on the known labels alone \d+\.\d\d %/)
  assert.ok((await readdir(out)).includes('styles.png'))
  const [first] = parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))
  assert.ok(first.accuracy! >= 0 && first.classification! > 0 && first.label! > 0, JSON.stringify(first))
})

train('trains on the codes of another model', async () => {
  const out = join(folder, 'codes')
  const codes = join(folder, 'anomaly', 'model.safetensors')
  const preset = ['--preset', 'semiSupervised', '--labels', '20', '--steps', '12', '--batch', '20', '--codes', codes]
  const ended = await run([...preset, '--out', out])
  assert.is(ended.code, 0, ended.text)
  assert.match(ended.text, /semiSupervised on 2 codes of /)
  assert.match(ended.text, /test error \d+\.\d\d %; of the classifier trained on the known labels alone \d+\.\d\d %/)
  assert.equal((await readdir(out)).sort(), ['history.csv', 'loss.png', 'model.safetensors', 'styles.png'])
  assert.ok((await look(await readFile(join(out, 'styles.png')))).colors > 50)
})

train('refuses what cannot be held out or hidden', async () => {
  for (const [args, message] of [
    [['--preset', 'mlp', '--anomaly', '77'], '--anomaly: the test images need some of class 77'],
    [['--preset', 'mlp', '--labels', '20'], '--labels: the model has no classifier'],
    [['--preset', 'semiSupervised', '--labels', '900'], '--labels 900 is more than the 200 training images'],
    [['--preset', 'mlp', '--samples', '3'], '--samples goes with --anomaly'],
    [['--preset', 'mlp', '--codes', 'none'], '--codes: there is no file "none"'],
  ] as const) {
    const { code, text } = await run([...args])
    assert.is(code, 2, text)
    assert.ok(text.includes(message), text)
  }
})

train.run()
