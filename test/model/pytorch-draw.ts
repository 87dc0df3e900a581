import { DRAW_FIXTURES, formulaBatch, loadRunFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectLoss, expectRelative, modelWith, withEngine } from '../support/engine.js'
import { expectFixture, LOSS } from '../support/pytorch.js'

const draw = suite('recurrent models like PyTorch')

for (const name of DRAW_FIXTURES) {
  gpuTest(draw, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

for (const [name, fixture] of Object.entries(await loadRunFixtures('draw-runs'))) {
  const { spec, batch, seed, optimizer, parameters, losses, changes, float32Error } = fixture
  gpuTest(draw, `${name} has PyTorch's losses and parameters over ${losses.length} steps`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await modelWith(engine, spec, parameters)
      for (const [step, loss] of losses.entries()) {
        const came = await vae.step(formulaBatch(spec, batch, seed + step), optimizer)
        expectLoss(came, loss, LOSS + 8 * float32Error.loss, `loss before step ${step + 1}`)
      }
      const after = await vae.parameters()
      const change = Object.entries(after).map(([key, { data }]): [string, { data: Float64Array }] => [
        key,
        { data: Float64Array.from(data, (value, i) => value - parameters[key].data[i]) },
      ])
      expectRelative(Object.fromEntries(change), changes, 2e-4 + 8 * float32Error.change, 'change')
    }))
}

draw.run()
