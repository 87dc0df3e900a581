import * as assert from 'uvu/assert'
import { dataset, type Loss, type Tensor, type Vae } from '../../src/index.js'
import { formulaBatch, loadOptimizerFixture, loadRunFixtures, type RunFixture } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectLoss, expectRelative, modelWith, withEngine } from '../support/engine.js'
import { LOSS } from '../support/pytorch.js'

/** What training changes in float32, against PyTorch's float64, by norm. */
const CHANGE = 1e-4

const optimizers = suite('optimizer')
const runs = suite('a run like PyTorch')

const fixtures = await loadRunFixtures()

for (const [name, fixture] of Object.entries(fixtures)) {
  const { spec, parameters, losses, changes, float32Error } = fixture
  gpuTest(runs, `with ${name} has PyTorch's losses and parameters over ${losses.length} steps`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await modelWith(engine, spec, parameters)
      const came = await (fixture.klWeight === undefined ? stepped(vae, fixture) : trained(vae, fixture))
      assert.is(came.length, losses.length)
      // PyTorch's own float32 strays by float32Error; another order of the sums may stray several times as far.
      came.forEach((loss, step) => {
        expectLoss(loss, losses[step], LOSS + 8 * float32Error.loss, `loss before step ${step + 1}`)
      })
      const change = difference(await vae.parameters(), parameters)
      expectRelative(change, changes, CHANGE + 8 * float32Error.change, 'change')
    }))
}

/** Steps on the caller's batches. */
async function stepped(vae: Vae, { spec, batch, seed, optimizer, losses }: RunFixture): Promise<Loss[]> {
  const came: Loss[] = []
  for (const step of losses.keys()) came.push(await vae.step(formulaBatch(spec, batch, seed + step), optimizer))
  return came
}

/** A run over a set of one batch, which draws its own noise. */
async function trained(vae: Vae, { spec, batch, seed, ...options }: RunFixture): Promise<Loss[]> {
  const data = dataset({ images: blobBytes(batch, spec.input, seed), shape: spec.input })
  const { optimizer, klWeight, losses } = options
  const came: Loss[] = []
  const run = vae.train(data, { steps: losses.length, batchSize: batch, optimizer, klWeight })
  for await (const { loss } of run) came.push(loss)
  return came
}

function difference(after: Record<string, Tensor>, before: Record<string, Tensor>) {
  const entries = Object.entries(after).map(([name, { data }]): [string, { data: Float64Array }] => [
    name,
    { data: Float64Array.from(data, (value, i) => value - before[name].data[i]) },
  ])
  return Object.fromEntries(entries)
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
