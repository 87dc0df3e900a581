// Run before the short form: whether there is a WebGPU at all.
import { testDevice } from './gpu.js'
import { suite } from './suite.js'

const probe = suite('WebGPU')

probe('gives a device', async () => void (await testDevice()))

probe.run()
