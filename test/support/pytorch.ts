import * as assert from 'uvu/assert'
import { loadModelFixture, formulaBatch, formulaModel, type ObjectiveFixture, type RunFixture } from '../fixtures.js'
import { dataset } from '../../src/data/dataset.js'
import type { Tensor } from '../../src/tensor.js'
import type { Loss } from '../../src/train/evaluate.js'
import type { Vae } from '../../src/vae.js'
import { blobBytes } from '../reference/formula.js'
import { expectLoss, expectRelative, modelWith, withEngine } from './engine.js'

/** Float32 against PyTorch's float64: of losses, relative to the total. */
export const LOSS = 2e-6

/** Of gradients, by norm. */
export const GRADIENT = 1e-4

/** What training changes, by norm. */
const CHANGE = 1e-4

/** What float32 may miss of a gradient that nearly cancels, as shifts before batch normalisation do, in that of all. */
const CANCELLED = 1e-6

/** Fails unless there are these gradients. */
export function expectGradients(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  assert.equal(Object.keys(actual).sort(), Object.keys(expected).sort())
  const norm = (values: Iterable<number>) => Math.hypot(...values)
  const whole = norm(Object.values(expected).flatMap(({ data }) => [...data]))
  for (const [name, { data }] of Object.entries(expected)) {
    const error = norm(data.map((value, i) => actual[name].data[i] - value))
    const bound = GRADIENT * norm(data) + CANCELLED * whole
    assert.ok(error <= bound, `the gradient of ${name} is off by ${error}, of norm ${norm(data)}; bound ${bound}`)
  }
}

/** Fails unless a small model has the loss and gradients of its fixture. */
export function expectFixture(device: GPUDevice, name: string): Promise<void> {
  return withEngine(device, async (engine) => {
    const { spec, parameters, images, noise, labels, loss, gradients } = await loadModelFixture(name)
    const vae = await modelWith(engine, spec, parameters)
    const result = await vae.gradients({ images, noise, labels })
    expectLoss(result.loss, loss, LOSS, 'loss')
    assert.equal(Object.keys(result.loss), Object.keys(loss), 'parts of the loss')
    expectGradients(result.gradients, gradients)
    for (const [key, { shape }] of Object.entries(gradients)) assert.equal(result.gradients[key].shape, shape)
  })
}

/** Fails unless a small model has the loss and gradients of another objective than −ELBO. */
export function expectObjective(device: GPUDevice, fixture: ObjectiveFixture): Promise<void> {
  return withEngine(device, async (engine) => {
    const { spec, batch, seed, objective, noise, loss, gradients } = fixture
    const vae = await modelWith(engine, spec, formulaModel(spec, seed))
    const { images, labels } = formulaBatch(spec, batch, seed)
    const given = objective.importanceSamples ? noise : { ...noise, shape: [batch, noise.shape.at(-1)!] }
    const result = await vae.gradients({ images, labels, noise: given, ...objective })
    expectLoss(result.loss, loss, LOSS, 'loss')
    expectRelative(result.gradients, gradients, GRADIENT, 'gradient')
  })
}

/** Fails unless some steps of a small model have the losses of their fixture, and change the parameters alike. */
export function expectRun(device: GPUDevice, fixture: RunFixture): Promise<void> {
  const { spec, parameters, losses, changes, float32Error } = fixture
  return withEngine(device, async (engine) => {
    const vae = await modelWith(engine, spec, parameters)
    const came = await (fixture.klWeight === undefined ? stepped(vae, fixture) : trained(vae, fixture))
    assert.is(came.length, losses.length)
    // PyTorch's own float32 strays by float32Error; another order of the sums may stray several times as far.
    came.forEach((loss, step) => {
      expectLoss(loss, losses[step], LOSS + 8 * float32Error.loss, `loss before step ${step + 1}`)
    })
    const change = difference(await vae.parameters(), parameters)
    expectRelative(change, changes, CHANGE + 8 * float32Error.change, 'change')
  })
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

/** What is different after some steps. */
export function difference(after: Record<string, Tensor>, before: Record<string, Tensor>) {
  const entries = Object.entries(after).map(([name, { data }]): [string, { data: Float64Array }] => [
    name,
    { data: Float64Array.from(data, (value, i) => value - before[name].data[i]) },
  ])
  return Object.fromEntries(entries)
}
