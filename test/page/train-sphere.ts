// npm run train with codes on a sphere: the map of it in a page, and training in Deno, where there are no pictures.
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { parseHistory } from '../../src/tools/train/history.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, look, runCommand } from '../support/command.js'

const train = suite('train on a sphere')
let folder = ''
let data = ''

train.before(async () => {
  ;({ folder, data } = await folderWithDigits('sphere', { train: 200, test: 40 }))
})
train.after(() => rm(folder, { recursive: true, force: true }))

const common = ['--preset', 'sphere', '--batch', '20', '--seed', '3', '--adapter', 'software']

function run(out: string, args: string[], env?: Record<string, string>) {
  return runCommand('src/tools/train.mjs', [...common, '--data', data, '--out', out, ...args], { env })
}

train('draws the test images on the map of the sphere, and what is decoded all over it', async () => {
  const out = join(folder, 'page')
  const { code, text } = await run(out, ['--epochs', '2'])
  assert.is(code, 0, text)
  assert.match(text, '469,396 parameters')
  const widths = { 'latent.png': 2144, 'manifold.png': 2024, 'loss.png': 1824, 'reconstructions.png': 1424, 'samples.png': 1364 }
  assert.equal((await readdir(out)).sort(), ['history.csv', 'model.safetensors', ...Object.keys(widths)].sort())
  for (const [name, width] of Object.entries(widths)) {
    const picture = await look(await readFile(join(out, name)))
    assert.is(picture.width, width, name)
    assert.ok(picture.colors > 20 && picture.inked > 0.02, `${name}: ${picture.colors} colours, ${picture.inked} inked`)
  }
  // Tiles in an ellipse leave a fifth of its rectangle blank.
  const { inked } = await look(await readFile(join(out, 'manifold.png')))
  assert.ok(inked > 0.4 && inked < 0.85, `${inked} of manifold.png is not paper`)
})

train('trains in Deno with ELBO_RUNTIME=deno, with the pictures that need no canvas, and goes on there', async () => {
  const out = join(folder, 'deno')
  const deno = { ELBO_RUNTIME: 'deno' }
  const begun = await run(out, ['--epochs', '2'], deno)
  assert.is(begun.code, 0, begun.text)
  assert.match(begun.text, /epoch 2, step 20: test −ELBO \d+\.\d\d nats per image/)
  const files = ['history.csv', 'model.safetensors', 'reconstructions.png', 'samples.png']
  assert.equal((await readdir(out)).sort(), files)
  assert.match(begun.text, 'Left out, as only a page draws them: loss.png, latent.png, manifold.png')
  const args = ['--resume', join(out, 'model.safetensors'), '--data', data, '--batch', '20', '--epochs', '1']
  const resumed = await runCommand('src/tools/train.mjs', args, { env: deno })
  assert.is(resumed.code, 0, resumed.text)
  assert.is(readModel(await readFile(join(out, 'model.safetensors'))).training!.state.step, 30)
  const rows = parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))
  assert.equal(rows.filter(({ set }) => set === 'test').map(({ step }) => step), [10, 20, 30])

  const wrong = await runCommand('src/tools/train.mjs', ['--preset', 'vgg', '--data', data], { env: deno })
  assert.is(wrong.code, 2)
  assert.match(wrong.text, /there is no "vgg".*\n\(npm run train -- --help says what there is\)/)
  const nowhere = await runCommand('src/tools/train.mjs', ['--help'], { env: { ELBO_RUNTIME: 'bun' } })
  assert.is(nowhere.code, 1)
  assert.match(nowhere.text, 'ELBO_RUNTIME is "bun", needs browser, deno or node')
})

train.run()
