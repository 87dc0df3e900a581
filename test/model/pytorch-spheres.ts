import { loadObjectiveFixtures, loadRunFixtures, SPHERE_FIXTURES } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectFixture, expectObjective, expectRun } from '../support/pytorch.js'

const spheres = suite('sphere like PyTorch')

for (const name of SPHERE_FIXTURES) {
  gpuTest(spheres, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

for (const [name, fixture] of Object.entries(await loadObjectiveFixtures('sphere-objectives'))) {
  gpuTest(spheres, `${name} has PyTorch's loss and gradients`, ({ device }) => expectObjective(device, fixture))
}

for (const [name, fixture] of Object.entries(await loadRunFixtures('sphere-runs'))) {
  const title = `${name} has PyTorch's losses and parameters over ${fixture.losses.length} steps`
  gpuTest(spheres, title, ({ device }) => expectRun(device, fixture))
}

spheres.run()
