import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { expectMinimal, runPreset } from '../support/minimal.js'

const minimal = suite('a device with nothing but the defaults')

gpuTest(minimal, 'has no optional feature and the default limits', ({ device }) => expectMinimal(device))

for (const name of ['mlp', 'mlpDeep', 'conditional', 'autoencoder', 'sphere', 'semiSupervised'] as const) {
  gpuTest(minimal, `trains, evaluates, samples, saves and loads ${name}`, ({ device }) => runPreset(device, name))
}

minimal.run()
