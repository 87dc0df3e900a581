import * as assert from 'uvu/assert'
import { loadModelFixture } from '../fixtures.js'
import { expectLoss, expectRelative, modelWith, withEngine } from './engine.js'

/** Float32 against PyTorch's float64: of losses, relative to the total. */
export const LOSS = 2e-6

/** Of gradients, by norm. */
export const GRADIENT = 1e-4

/** Fails unless a small model has the loss and gradients of its fixture. */
export function expectFixture(device: GPUDevice, name: string): Promise<void> {
  return withEngine(device, async (engine) => {
    const { spec, parameters, images, noise, labels, loss, gradients } = await loadModelFixture(name)
    const vae = await modelWith(engine, spec, parameters)
    const result = await vae.gradients({ images, noise, labels })
    expectLoss(result.loss, loss, LOSS, 'loss')
    assert.is('quantization' in result.loss, 'quantization' in loss)
    expectRelative(result.gradients, gradients, GRADIENT, 'gradient')
    for (const [key, { shape }] of Object.entries(gradients)) assert.equal(result.gradients[key].shape, shape)
  })
}
