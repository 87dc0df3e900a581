import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { runPreset } from '../support/minimal.js'

const minimal = suite('a device with nothing but the defaults')

for (const name of ['draw', 'vaeGan'] as const) {
  gpuTest(minimal, `trains, evaluates, samples, saves and loads ${name}`, ({ device }) => runPreset(device, name))
}

minimal.run()
