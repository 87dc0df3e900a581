import * as assert from 'uvu/assert'
import { loadOptimizerFixture, loadRunFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectLoss, expectRelative, modelWith, withEngine } from '../support/engine.js'
import { difference, expectRun, LOSS } from '../support/pytorch.js'

const optimizers = suite('optimizer')
const runs = suite('a run like PyTorch')

const fixtures = await loadRunFixtures()

for (const [name, fixture] of Object.entries(fixtures)) {
  const title = `with ${name} has PyTorch's losses and parameters over ${fixture.losses.length} steps`
  gpuTest(runs, title, ({ device }) => expectRun(device, fixture))
}

gpuTest(optimizers, 'three steps follow PyTorch', ({ device }) =>
  withEngine(device, async (engine) => {
    const { spec, parameters, batches, runs } = await loadOptimizerFixture()
    for (const { name, optimizer, steps } of runs) {
      const vae = await modelWith(engine, spec, parameters)
      for (const [i, { loss, parameters: after }] of steps.entries()) {
        expectLoss(await vae.step(batches[i], optimizer), loss, LOSS, `${name}, loss before step ${i + 1}`)
        const now = await vae.parameters()
        expectRelative(now, after, 1e-6, `${name}, value after step ${i + 1}`)
        expectRelative(difference(now, parameters), difference(after, parameters), 1e-3, `${name}, change until step ${i + 1}`)
      }
    }
  }))

runs('that clip do so in every step, in some, or in none, as their names say', () => {
  const clipped = (name: string) => {
    const { norms, optimizer } = fixtures[name]
    return norms.filter((norm) => norm > optimizer.clipNorm!).length
  }
  assert.is(clipped('clipping always'), 10)
  assert.is(clipped('clipping never'), 0)
  for (const name of ['clipping sometimes', 'clipping sometimes, Adam']) {
    assert.ok(clipped(name) >= 3 && clipped(name) <= 8, `${name}: ${clipped(name)} of 10`)
  }
})

optimizers.run()
runs.run()
