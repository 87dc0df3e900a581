import * as assert from 'uvu/assert'
import { loadModelFixture } from '../fixtures.js'
import type { Tensor } from '../../src/tensor.js'
import { expectLoss, modelWith, withEngine } from './engine.js'

/** Float32 against PyTorch's float64: of losses, relative to the total. */
export const LOSS = 2e-6

/** Of gradients, by norm. */
export const GRADIENT = 1e-4

/** What float32 may miss of a gradient that nearly cancels, as shifts before batch normalisation do, in that of all. */
const CANCELLED = 1e-6

function expectGradients(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
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
