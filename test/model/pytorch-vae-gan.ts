import * as assert from 'uvu/assert'
import type { Tensor } from '../../src/index.js'
import { judgedBatch, loadVaeGanFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectLoss, modelWith, withEngine } from '../support/engine.js'
import { expectGradients, LOSS } from '../support/pytorch.js'

// A model with a discriminator held against PyTorch: three objectives, and steps by them.

const test = suite('VAE-GAN')

/** What three steps may miss of the change of all parameters: of the gradients, which the second and third follow. */
const CHANGE = 2e-5

const fixtures = await loadVaeGanFixtures()

for (const [name, fixture] of Object.entries(fixtures)) {
  const { spec, batch, seed, optimizer, balance, parameters, losses, gradients, changes } = fixture

  gpuTest(test, `${name}: every parameter has the gradient of its own objective`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await modelWith(engine, spec, parameters)
      const result = await vae.gradients({ ...judgedBatch(spec, batch, seed), balance })
      assert.equal(Object.keys(result.loss), Object.keys(losses[0]))
      expectLoss(result.loss, losses[0], LOSS, 'loss')
      expectGradients(result.gradients, gradients)
    }),
  )

  gpuTest(test, `${name}: three steps, and the running statistics`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await modelWith(engine, spec, parameters)
      for (const [step, loss] of losses.entries()) {
        const given = { ...judgedBatch(spec, batch, seed + step), balance }
        expectLoss(await vae.step(given, optimizer), loss, CHANGE, `step ${step}`)
      }
      expectChanges(parameters, await vae.parameters(), changes)
    }),
  )
}

type Named = Record<string, Tensor>

function expectChanges(before: Named, after: Named, expected: Named): void {
  assert.equal(Object.keys(after).sort(), Object.keys(expected).sort())
  const whole = Math.hypot(...Object.values(expected).flatMap(({ data }) => [...data]))
  for (const [name, { data }] of Object.entries(expected)) {
    const change = after[name].data.map((value, i) => value - before[name].data[i])
    const error = Math.hypot(...change.map((value, i) => value - data[i]))
    assert.ok(error <= CHANGE * whole, `${name} is off by ${error / whole} of the change of all, bound ${CHANGE}`)
  }
}

test.run()
