// npm run reproduce from end to end, on a few drawn digits.
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Reproduced } from '../../bench/reproduce/record.js'
import { parseHistory } from '../../src/tools/train/history.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, look, runCommand } from '../support/command.js'

const reproduce = suite('reproduce')
let folder = ''
let data = ''

reproduce.before(async () => {
  ;({ folder, data } = await folderWithDigits('reproduce', { train: 200, test: 40 }))
})
reproduce.after(() => rm(folder, { recursive: true, force: true }))

reproduce('keras-mlp-z2: trains ten epochs and prints the weighted loss and the true one beside the published', async () => {
  const out = join(folder, 'mlp')
  const { code, text } = await run('keras-mlp-z2', '--out', out)
  assert.is(code, 0, text)
  assert.match(text, '404,244 parameters')
  const pictures = ['latent.png', 'loss.png', 'manifold.png', 'reconstructions.png', 'samples.png']
  assert.equal((await readdir(out)).sort(), ['figures.json', 'history.csv', ...pictures, 'model.safetensors'].sort())

  const rows = parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))
  assert.equal(rows.filter(({ set }) => set === 'test').map(({ step }) => step), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
  const { reconstruction, kl } = rows.at(-1)!
  const reproduced = JSON.parse(await readFile(join(out, 'figures.json'), 'utf8')) as Reproduced
  assert.is(reproduced.steps, 20)
  const [, tested] = reproduced.figures
  const expected = [[153.53], reconstruction + 0.1 * kl, reconstruction + kl]
  assert.equal([tested.published, tested.ours, tested.negativeElbo], expected)
  assert.ok(text.includes(`| ${tested.ours.toFixed(2)} | 153.53 | ${tested.negativeElbo!.toFixed(2)} |`), text)
})

reproduce('conditional: draws the grid of styles; iwae: trains on --k samples; keras-conv: is refused; vgg: is unknown', async () => {
  const [conditional, iwae, conv, unknown] = await Promise.all([
    run('conditional', '--steps', '3', '--out', join(folder, 'conditional')),
    run('iwae', '--k', '5', '--steps', '3', '--out', join(folder, 'iwae')),
    run('keras-conv', '--out', join(folder, 'conv')),
    run('vgg'),
  ])
  assert.is(conditional.code, 0, conditional.text)
  const styles = await look(await readFile(join(folder, 'conditional/styles.png')))
  assert.is(styles.width, 1272)
  assert.ok(styles.colors > 50 && styles.inked > 0.1, `${styles.colors} colours, ${styles.inked} of it is not paper`)
  assert.is(iwae.code, 0, iwae.text)
  const { optimizer, step } = readModel(await readFile(join(folder, 'iwae/model.safetensors'))).training!.state
  assert.is(step, 3)
  assert.match(JSON.stringify(optimizer), '"milestones":[3000,12000,')
  const [trained] = parseHistory(await readFile(join(folder, 'iwae/history.csv'), 'utf8'))
  assert.ok(trained.total < trained.reconstruction + trained.kl, `five samples: ${trained.total} is below −ELBO`)
  assert.is(conv.code, 1)
  assert.match(conv.text, /software adapter, on the CPU\): this takes too long on the CPU; --short/)
  assert.is(unknown.code, 2)
  assert.match(unknown.text, 'no reproduction "vgg"; there are pytorch-example, mlp, ')
})

reproduce.run()

function run(...args: string[]) {
  return runCommand('bench/reproduce/run.mjs', [...args, '--data', data, '--adapter', 'software'])
}
