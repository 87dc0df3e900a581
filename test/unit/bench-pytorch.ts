import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { findPython, outputOf } from '../../bench/node/python.js'
import { writeSafetensors } from '../../src/formats/safetensors.js'
import { loadModelFixture, type ModelFixture } from '../fixtures.js'
import { suite } from '../harness/suite.js'

const pytorch = suite('bench/peers/pytorch.py')
const python = await findPython()

/** What the script prints of a fixture's model whose first loss it is told to be that; its complaint where it ends. */
async function measure({ spec, parameters, images, noise }: ModelFixture, loss: number): Promise<string> {
  const optimizer = { type: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
  const texts = Object.entries({ spec, optimizer, losses: [loss] }).map(([key, value]) => [key, JSON.stringify(value)])
  const named = Object.entries(parameters).map(([name, tensor]) => [`parameter.${name}`, tensor])
  const tensors = { ...Object.fromEntries(named), 'images.0': images, 'noise.0': noise! }
  const folder = await mkdtemp(join(tmpdir(), 'elbo-pytorch-'))
  try {
    const task = join(folder, 'task.safetensors')
    await writeFile(task, writeSafetensors(tensors, Object.fromEntries(texts)))
    const times = ['--device', 'cpu', '--windows', '3', '--window-ms', '2', '--warm-up-ms', '1']
    const path = 'path' in python ? python.path : 'python3'
    return await outputOf(path, ['bench/peers/pytorch.py', task, ...times]).catch(({ message }) => message)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

for (const name of ['dense', 'conv-wide-stride', 'conv-transpose-same']) {
  pytorch(`trains the model of ${name}.safetensors from its loss on`, async () => {
    const fixture = await loadModelFixture(name)
    const printed = await measure(fixture, fixture.loss.total)
    if ('reason' in python) return assert.match(printed, /failed: .*(torch|ENOENT)/)
    const { tf32, ways: [{ way, error, lossDistance, step }] } = JSON.parse(printed)
    assert.equal([tf32, way, error], [false, 'eager', undefined])
    assert.ok(lossDistance < 1e-5, `${lossDistance}`)
    assert.is(step.samplesMs.length, 3)
    assert.is(step.minMs, Math.min(...step.samplesMs))
    assert.ok(step.minMs > 0 && step.medianMs >= step.minMs && step.executions >= 1)
  })
}

pytorch('times nothing that computes something else', async () => {
  const fixture = await loadModelFixture('dense')
  const printed = await measure(fixture, 1.01 * fixture.loss.total)
  if ('reason' in python) return assert.match(printed, /failed: .*(torch|ENOENT)/)
  const { ways } = JSON.parse(printed)
  assert.is(ways.length, 1)
  assert.match(ways[0].error, 'it computes something else')
  assert.is(ways[0].step, undefined)
})

pytorch.run()
