// Exported models trained in PyTorch, beside the engine in a page: a saved run's next step, and what torchrun writes.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors.js'
import { adam, rmsprop, type Tensor, type VaeSpec } from '../../src/index.js'
import { UNLABELED } from '../../src/labels.js'
import { formulaBatch, judgedBatch, loadModelFixture, loadVaeGanFixtures } from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { norm } from '../reference/compare.js'
import { SMALL } from '../support/engine.js'
import { enginePage, type EnginePage } from '../support/engine-page.js'
import { exampleOf } from '../support/example.js'
import { npy, pythonWithTorch, runExported, runPython, writeFolder } from '../support/exported.js'

const COUNT = 64

/** One step as train.py takes it, of a given batch and noise. */
const NEXT_STEP = `
import json, sys
sys.path.insert(0, ".")
import train
from files import read_safetensors
tensors, metadata = read_safetensors("model.safetensors")
inputs, _ = read_safetensors("inputs.safetensors")
model, settings = train.load_model(tensors), json.loads(metadata["elbo.optimizer"])
state = json.loads(metadata["elbo.training"])
optimizer = train.make_optimizer(model, settings, tensors, state["step"])
model.backward(model(inputs["images"].permute(0, 3, 1, 2), inputs["noise"]))
train.update(model, optimizer, settings, state["step"])
state["step"] += 1
train.save("next.safetensors", model, optimizer, settings, state, None, tensors, metadata)`

const pytorch = suite('going on in PyTorch')
const python = pythonWithTorch()
let page: EnginePage
let folder = ''

pytorch.before(async () => {
  page = await enginePage()
  folder = await mkdtemp(join(tmpdir(), 'elbo-pytorch-'))
})
pytorch.after(async () => {
  await page.close()
  await rm(folder, { recursive: true, force: true })
})

pytorch('50 steps under torchrun in two processes load back, with a smaller loss, the same in both', async () => {
  await expectTrained('small', SMALL, 50)
})

pytorch('other kinds of models go on under torchrun, too', async () => {
  for (const name of ['quantized-average', 'semi-supervised-dense', 'batch-norm-dense']) {
    await expectTrained(name, (await loadModelFixture(name)).spec, 20)
  }
  const [judged] = Object.values(await loadVaeGanFixtures())
  await expectTrained('vae-gan', judged.spec, 20)
})

const trained = {
  adam: { spec: SMALL, optimizer: adam({ learningRate: { type: 'cosine', value: 1e-3, steps: 10 }, clipNorm: 20 }) },
  rmsprop: { spec: SMALL, optimizer: rmsprop({ learningRate: 1e-3, momentum: 0.5 }) },
}

for (const [name, { spec, optimizer }] of Object.entries(trained)) {
  pytorch(`${name} goes on from a saved run as the engine does: the next step is the same`, async () => {
    if (!python) return
    const { parameters } = exampleOf(spec, 1)
    const [BATCH, STEPS] = [16, 4]
    const fileAfter = (steps: number) => page.save({ spec, parameters }, { optimizer, steps, batch: BATCH })
    const [before, after] = [await fileAfter(STEPS), readSafetensors(await fileAfter(STEPS + 1)).tensors]
    const own = join(folder, name)
    await writeFolder(own, spec, before)
    const { images, noise } = formulaBatch(spec, BATCH, STEPS)
    await writeFile(join(own, 'inputs.safetensors'), writeSafetensors({ images, noise: noise! }))
    runPython(python, ['-c', NEXT_STEP], own)
    const came = readSafetensors(await readFile(join(own, 'next.safetensors'))).tensors
    const start = readSafetensors(before).tensors
    assert.equal(Object.keys(came).sort(), Object.keys(after).sort())
    for (const [key, { data }] of Object.entries(after)) {
      const change = norm(data.map((value, i) => value - start[key].data[i]))
      const error = norm(data.map((value, i) => value - came[key].data[i]))
      assert.ok(error <= 1e-4 * change, `${key} is off by ${error}, has changed by ${change}`)
    }
  })
}

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
  const redirected = ['--redirects', '1', '--tee', '1']
  const torchrun = ['-m', 'torch.distributed.run', ...redirected, '--standalone', '--nproc_per_node', '2', 'train.py']
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
