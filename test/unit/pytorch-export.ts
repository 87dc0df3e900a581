// Exported programs by themselves, in PyTorch and without a GPU: their losses, gradients and updates are the fixtures'.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readSafetensors, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { readModel } from '../../src/train/file.js'
import {
  CLASSIFIER_FIXTURES, CONDITIONAL_FIXTURES, CONV_FIXTURES, DENSE_FIXTURES, DRAW_FIXTURES, judgedBatch, LAYER_FIXTURES,
  LIKELIHOOD_FIXTURES, loadModelFixture, loadOptimizerFixture, loadSphereFixtures, loadVaeGanFixtures,
  QUANTIZED_FIXTURES, SPHERE_FIXTURES,
} from '../fixtures.js'
import { presets, type Tensor, type VaeSpec } from '../../src/index.js'
import { programsOf } from '../../src/export/pytorch/folder.js'
import { UNLABELED } from '../../src/labels.js'
import { norm, relativeError } from '../reference/compare.js'
import { suite } from '../harness/suite.js'
import { npy, pythonWithTorch, runExported, runPython, writeFolder } from '../support/exported.js'

const pytorch = suite('exported to PyTorch')

/** Of a loss, by the total, and of a gradient, by norm: float64, written as float32. */
const [LOSS, GRADIENT] = [1e-6, 1e-6]

const NAMES = [
  ...DENSE_FIXTURES, ...CONV_FIXTURES, ...QUANTIZED_FIXTURES, ...CONDITIONAL_FIXTURES, ...LIKELIHOOD_FIXTURES,
  ...LAYER_FIXTURES, ...SPHERE_FIXTURES, ...CLASSIFIER_FIXTURES, ...DRAW_FIXTURES,
]

let folder = ''
pytorch.before(async () => void (folder = await mkdtemp(join(tmpdir(), 'elbo-pytorch-'))))
pytorch.after(() => rm(folder, { recursive: true, force: true }))

interface Expected {
  spec: VaeSpec
  parameters: Record<string, Tensor>
  inputs: Record<string, Tensor>
  loss: Record<string, number | undefined>
  gradients: Record<string, Tensor>
}

pytorch(`${NAMES.length} small models of every kind have the losses and gradients of the fixtures`, async () => {
  const cases: Record<string, Expected> = {}
  for (const name of NAMES) {
    const { spec, parameters, images, noise, labels, loss, gradients } = await loadModelFixture(name)
    const inputs = { images, ...(noise && { noise }), ...(labels && { labels: vector(labels) }) }
    cases[name] = { spec, parameters: withAverages(parameters), inputs, loss: { ...loss }, gradients }
  }
  await expectFixtures(cases)
})

pytorch('models with a discriminator give each network the gradients of its own objective', async () => {
  const cases: Record<string, Expected> = {}
  for (const [name, fixture] of Object.entries(await loadVaeGanFixtures())) {
    const { spec, parameters, batch, seed, losses: [loss], gradients } = fixture
    const { images, noise, prior, labels } = judgedBatch(spec, batch, seed)
    const inputs = { images, prior, ...(noise && { noise }), ...(labels && { labels: vector(labels) }) }
    const { total, reconstruction, kl, adversarial } = loss
    const parts = { total, reconstruction, kl, adversarial }
    cases[name.replaceAll(' ', '-')] = { spec, parameters, inputs, loss: parts, gradients }
  }
  await expectFixtures(cases)
})

pytorch('an optimiser goes on from the moments of a file', async () => {
  const python = pythonWithTorch()
  if (!python) return
  const { spec, parameters, batches, runs } = await loadOptimizerFixture()
  const file = writeSafetensors(parameters, { 'elbo.spec': JSON.stringify(spec) })
  await writeFolder(join(folder, 'optimizers'), spec, file)
  const inputs = batches.flatMap(({ images, noise }, i) => [[`images.${i}`, images], [`noise.${i}`, noise]] as const)
  await writeFile(join(folder, 'optimizers', 'inputs.safetensors'), writeSafetensors(Object.fromEntries(inputs)))
  const program = `
import json, sys
sys.path.insert(0, ".")
import train
from files import read_safetensors
inputs, _ = read_safetensors("inputs.safetensors")
for run, settings in enumerate(json.loads(sys.argv[1])):
    state, path = {"step": 0}, "model.safetensors"
    for step in range(3):  # each from the file of the one before
        tensors, metadata = read_safetensors(path)
        model = train.load_model(tensors)
        optimizer = train.make_optimizer(model, settings, tensors, step)
        loss = model(inputs[f"images.{step}"].permute(0, 3, 1, 2), inputs[f"noise.{step}"])
        model.backward(loss)
        train.update(model, optimizer, settings, step)
        state["step"] += 1
        path = f"run.{run}.safetensors"
        train.save(path, model, optimizer, settings, state, None, tensors, metadata)`
  runPython(python, ['-c', program, JSON.stringify(runs.map(({ optimizer }) => optimizer))], join(folder, 'optimizers'))
  for (const [run, { name, steps }] of runs.entries()) {
    const last = readSafetensors(await readFile(join(folder, 'optimizers', `run.${run}.safetensors`)))
    for (const [key, { data }] of Object.entries(steps[2].parameters)) {
      const change = norm(data.map((value, i) => value - parameters[key].data[i]))
      const error = norm(data.map((value, i) => value - last.tensors[key].data[i])) / change
      assert.ok(error < 1e-4, `${name}: ${key} after three steps is off by ${error} of its change`)
    }
  }
})

pytorch('a file that train.py writes is one that the engine reads', async () => {
  const python = pythonWithTorch()
  if (!python) return
  const { spec, parameters } = await loadModelFixture('batch-norm-dense')
  const metadata = { 'elbo.format': '1', 'elbo.spec': JSON.stringify(spec), 'elbo.seed': '3', note: 'ü "quoted"\n' }
  const here = join(folder, 'file')
  const checked = { ...metadata, 'elbo.checksum': tensorChecksum(parameters, metadata) }
  await writeFolder(here, spec, writeSafetensors(parameters, checked))
  const { images } = await loadModelFixture('batch-norm-dense')
  await writeFile(join(here, 'images.npy'), npy(images))
  const steps = ['--steps', '2', '--batch', String(images.shape[0]), '--every', '1']
  const said = runPython(python, ['train.py', '--data', 'images.npy', ...steps, '--out', 'trained.safetensors'], here)
  assert.match(said, /step 2, epoch 2: total [\d.]+ reconstruction [\d.]+ kl [\d.]+\nwrote trained.safetensors/)
  const file = await readFile(join(here, 'trained.safetensors'))
  const saved = readModel(file)
  assert.equal(saved.model.spec, spec)
  assert.is(saved.seed, 3)
  const { step, epoch, optimizer } = saved.training!.state
  assert.equal([step, epoch, optimizer.type], [2, 2, 'adam'])
  assert.is(readSafetensors(file).metadata.note, metadata.note)
  const running = 'encoder.1.running_mean'
  assert.ok(relativeError(saved.parameters[running].data, parameters[running].data) > 0, 'running statistics have moved')
})

pytorch('train.py takes known labels, schedules and binarisation, and says what does not fit', async () => {
  const python = pythonWithTorch()
  if (!python) return
  const { spec, parameters, images, labels } = await loadModelFixture('semi-supervised-dense')
  const here = join(folder, 'options')
  await writeFolder(here, spec, writeSafetensors(parameters))
  const [count, known] = [images.shape[0], labels!.filter((label) => label !== UNLABELED).length]
  assert.ok(known > 0 && known < count)
  await writeFile(join(here, 'images.npy'), npy(images))
  await writeFile(join(here, 'labels.npy'), npy(vector(labels!)))
  const data = ['train.py', '--data', 'images.npy', '--labels', 'labels.npy', '--epochs', '2', '--every', '1']
  const kl = ['--kl-weight', JSON.stringify({ type: 'linear', from: 0, to: 1, steps: 10 })]
  const batch = ['--known-per-batch', '1', '--batch', String(1 + count - known)]
  const said = runPython(python, [...data, ...kl, ...batch, '--binarize', 'sample'], here)
  const [total, reconstruction, , label, classification] = said.split('\n')[0].match(/\d+\.\d+/g)!.map(Number)
  const parts = reconstruction + label + spec.classifierWeight! * classification // no weight on the first step's KL
  assert.ok(Math.abs(total - parts) < 0.005, said)
  assert.match(said, /^step 2, epoch 2: total/m)
  for (const [args, message] of [
    [['--batch', '900'], `--batch 900: there are ${count} images`],
    [['--known-per-batch', '5', '--batch', '5'], `--known-per-batch 5: ${known} known labels, a batch of 5`],
  ] as const) {
    assert.throws(() => runPython(python, [...data, ...args], here), (error: Error) => error.message.includes(message))
  }
})

pytorch('points on spheres of 3 to 128 dimensions are drawn by the quantiles to 50 digits', async () => {
  const python = pythonWithTorch()
  if (!python) return
  const cases = await loadSphereFixtures()
  for (const size of new Set(cases.map((one) => one.size))) {
    const latent = { type: 'von-mises-fisher', size } as const
    await writeFile(join(folder, `sphere_${size}.py`), programsOf({ ...presets.sphere, latent })['model.py'])
  }
  await writeFile(join(folder, 'cases.json'), JSON.stringify(cases))
  const program = `
import importlib, json, sys, torch
sys.path.insert(0, ".")
for case in json.load(open("cases.json")):
    u, y, slope = torch.tensor(case["quantiles"], dtype=torch.float64).T
    found = importlib.import_module(f"sphere_{case['size']}").marginal(torch.full_like(u, case["kappa"]), u)
    expected = torch.tanh(y), slope / torch.cosh(y) ** 2
    off = [(a - b).abs().max() for a, b in zip(found, expected)]
    tail = ((found[0] - expected[0]).abs() * torch.cosh(y) ** 2).max()  # in y, which reaches far where omega is near 1
    kl = abs(found[2][0] / case["kl"] - 1), abs(found[3][0] / case["klDerivative"] - 1)
    assert off[0] < 1e-6 and off[1] < 1e-6 and tail < 1e-3 and max(kl) < 1e-8, (case["size"], case["kappa"], off, tail, kl)`
  runPython(python, ['-c', program], folder)
})

pytorch('programs say what they need of the specification, in lines of at most 120', () => {
  for (const [name, spec] of Object.entries(presets)) {
    const { 'model.py': model, 'train.py': train, 'files.py': files } = programsOf(spec)
    for (const line of [model, train, files].flatMap((text) => text.split('\n'))) {
      assert.ok([...line].length <= 120 && !/\s$/.test(line), `${name}: ${line}`)
    }
    assert.is(model.includes(', labels'), spec.classes !== undefined, `${name} and labels`)
    assert.is(model.includes('import math'), /math\./.test(model), `${name} imports what it uses`)
  }
})

pytorch.run()

async function expectFixtures(cases: Record<string, Expected>): Promise<void> {
  const python = pythonWithTorch()
  if (!python) return
  const inputs: Record<string, Record<string, Tensor>> = {}
  for (const [name, { spec, parameters, inputs: own }] of Object.entries(cases)) {
    inputs[join(folder, name)] = own
    await writeFolder(join(folder, name), spec, writeSafetensors(parameters))
  }
  const outputs = await runExported(python, inputs, { losses: true })
  for (const [name, { loss, gradients }] of Object.entries(cases)) {
    const came = outputs[join(folder, name)]
    for (const part of Object.keys(came).filter((key) => key.startsWith('loss.'))) {
      const expected = loss[part.slice('loss.'.length)]!
      const error = Math.abs(came[part].data[0] - expected) / Math.abs(loss.total!)
      assert.ok(error <= LOSS, `${name}: ${part} is ${came[part].data[0]}, expected ${expected}`)
    }
    const largest = Math.max(...Object.values(gradients).map(({ data }) => norm(data)))
    for (const [key, { data }] of Object.entries(gradients)) {
      const own = came[`gradient.${key}`]
      if (!own) {
        assert.ok(norm(data) === 0, `${name}: no gradient of ${key}`)
        continue
      }
      // what batch normalisation takes out again has a gradient of 0, but for rounding
      const error = norm(data.map((value, i) => value - own.data[i])) / Math.max(norm(data), 1e-6 * largest)
      assert.ok(error <= GRADIENT, `${name}: the gradient of ${key} is off by ${error} of its norm`)
    }
  }
}

/** A codebook's moving averages, which files have and fixtures have not. */
function withAverages(parameters: Record<string, Tensor>): Record<string, Tensor> {
  const codebook = parameters['latent.codebook.weight']
  if (!codebook) return parameters
  const count = { shape: [codebook.shape[0]], data: new Float32Array(codebook.shape[0]).fill(1) }
  return { ...parameters, 'codebook.count': count, 'codebook.mean': codebook }
}

function vector(values: readonly number[]): Tensor {
  return { shape: [values.length], data: Float32Array.from(values) }
}
