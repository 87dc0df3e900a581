// Exported models trained under torchrun, and what that makes of them loaded back into the engine in a page.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { Tensor, VaeSpec } from '../../src/index.js'
import { UNLABELED } from '../../src/labels.js'
import { formulaBatch, judgedBatch, loadModelFixture, loadVaeGanFixtures } from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { SMALL } from '../support/engine.js'
import { enginePage, type EnginePage } from '../support/engine-page.js'
import { exampleOf } from '../support/example.js'
import { npy, pythonWithTorch, runExported, runPython, writeFolder } from '../support/exported.js'

const COUNT = 64

const pytorch = suite('torchrun')
const python = pythonWithTorch()
let page: EnginePage
let folder = ''

pytorch.before(async () => {
  page = await enginePage()
  folder = await mkdtemp(join(tmpdir(), 'elbo-torchrun-'))
})
pytorch.after(async () => {
  await page.close()
  await rm(folder, { recursive: true, force: true })
})

pytorch('50 steps under torchrun in two processes load back, with a smaller loss, the same in both', async () => {
  await expectTrained('small', SMALL, 50)
})

pytorch('other kinds of models go on under torchrun, too', async () => {
  for (const name of ['quantized-average', 'semi-supervised-dense', 'sphere', 'draw-attention', 'batch-norm-dense']) {
    await expectTrained(name, (await loadModelFixture(name)).spec, 20)
  }
  const [judged] = Object.values(await loadVaeGanFixtures())
  await expectTrained('vae-gan', judged.spec, 20)
})

pytorch.run()

/** Trains an exported model under torchrun and holds the losses of what it wrote against each other. */
async function expectTrained(name: string, spec: VaeSpec, steps: number): Promise<void> {
  if (!python) return
  const example = exampleOf(spec, COUNT)
  const file = await page.save(example)
  const own = join(folder, `trained-${name}`)
  await writeFolder(own, spec, file)
  const labels = example.labels?.map((label, i) => (spec.classifier && i % 3 > 0 ? UNLABELED : label))
  await writeFile(join(own, 'images.npy'), npy(example.images))
  if (labels) await writeFile(join(own, 'labels.npy'), npy(vector(labels)))
  const data = ['--data', 'images.npy', ...(labels ? ['--labels', 'labels.npy'] : [])]
  // Debian's PyTorch 1.13 on Python 3.11 cannot read torchrun's default for the two redirections.
  const torchrun = ['-m', 'torch.distributed.run', '--redirects', '1', '--tee', '1', '--nproc_per_node', '2', 'train.py']
  const said = runPython(python, [...torchrun, ...data, '--steps', `${steps}`, '--batch', '32', '--out', 'model.safetensors'], own)
  assert.match(said, `step ${steps}, epoch ${steps / 2}: total `, name)

  const trained = await readFile(join(own, 'model.safetensors'))
  const batch = spec.discriminator ? judgedBatch(spec, COUNT, 5) : formulaBatch(spec, COUNT, 5)
  const { noise } = batch
  const prior = 'prior' in batch ? (batch.prior as Tensor) : undefined
  const inputs = { images: example.images, ...(noise && { noise }), ...(prior && { prior }) }
  const lossesOf = async (bytes: Uint8Array) => {
    return (await page.load(bytes, { ...inputs, ...(labels && { labels }) }, { losses: true })).outputs
  }
  const [before, losses] = [await lossesOf(file), await lossesOf(trained)]
  const given = { ...inputs, ...(labels && { labels: vector(labels) }) }
  const came = (await runExported(python, { [own]: given }, { losses: true }))[own]
  const total = losses['loss.total'].data[0]
  for (const part of Object.keys(came).filter((key) => key.startsWith('loss.'))) {
    const error = Math.abs(losses[part].data[0] - came[part].data[0]) / Math.abs(total)
    assert.ok(error < 1e-4, `${name}: ${part} is ${losses[part].data[0]} in the engine, ${came[part].data[0]} in PyTorch`)
  }
  const first = before['loss.total'].data[0]
  assert.ok(total < first || spec.discriminator, `${name}: the loss is ${total} after ${steps} steps, ${first} before`)
}

function vector(values: readonly number[]): Tensor {
  return { shape: [values.length], data: Float32Array.from(values) }
}
