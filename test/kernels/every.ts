import { kernels } from 'elbo:kernels'
import * as assert from 'uvu/assert'
import { shapeOf } from '../../bench/page/cases.js'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import type { KernelCase, Size } from '../reference/kernels/case.js'
import { kernelCases } from '../reference/kernels/cases.js'
import { stepValues } from '../reference/kernels/step.js'
import { valuesOf } from '../reference/kernels/values.js'
import { runKernels, tilingsOf, type Contents } from '../support/run-kernel.js'

// Every kernel in every tiling, all of its outputs against the list that the benchmark shares. What is special about a
// kernel has a file of its own.

const SEED = 1

/** Rows, of which the last three belong to no image. */
const size: Size = { B: 24, of: (awkward) => awkward }
const BATCH = 21

const ran = new Set<string>()

for (const entry of kernelCases) {
  const test = suite(entry.kernel)
  for (const dispatch of entry.dispatches(size).flatMap(tilingsOf)) {
    ran.add(dispatch.kernel)
    const title = `${dispatch.kernel} has the reference's values at ${shapeOf(dispatch)}`
    gpuTest(test, title, ({ device }) => check(device, entry, dispatch))
  }
  test.run()
}

const table = suite('table of kernels')

table('has no kernel that does not run here', () => {
  assert.equal(Object.keys(kernels).filter((kernel) => !ran.has(kernel)), [])
})

table.run()

/** Runs a dispatch on the inputs of its case and compares all values that the case expects. */
async function check(device: GPUDevice, entry: KernelCase, dispatch: Dispatch): Promise<void> {
  const { kernel, bindings } = dispatch
  const constants = valuesOf(dispatch)
  const step = stepValues(SEED, BATCH)
  const inputs = entry.inputs(constants, SEED, bindings)
  const contents: Contents = {}
  const before: Record<string, Float32Array> = {}
  for (const [binding, { name, elements }] of Object.entries(bindings)) {
    const values = inputs[binding] ?? new Float32Array(elements)
    before[binding] = new Float32Array(values.buffer)
    // What stands in for a binding that is not read has the values of the one that it is.
    if (!(name in contents) || inputs[binding]) contents[name] = values
  }
  const inMemory = (tensors: Record<string, PlanTensor>): Dispatch => {
    const own = Object.entries(bindings).map(([binding, { name }]) => [binding, tensors[name]])
    return { ...dispatch, bindings: Object.fromEntries(own) }
  }
  const results = await runKernels(device, contents, inMemory, step)
  const after = Object.fromEntries(Object.entries(bindings).map(([binding, { name }]) => [binding, results[name]]))
  const places = (output: string) => Array.from({ length: bindings[output].elements }, (_, i) => i)
  const expected = entry.expected({ constants, step, before, after, places })
  assert.ok(expected.length > 0, `${kernel}: the case expects nothing`)
  for (const { output, index, value, bound, slices = { count: 1, stride: 0 } } of expected) {
    let actual = 0
    for (let slice = 0; slice < slices.count; slice++) actual += after[output][index + slice * slices.stride]
    // Words are compared as the floats of their bits, among which are NaNs.
    const same = Object.is(actual, value) || Math.abs(actual - value) <= bound
    assert.ok(same, `${output}[${index}] is ${actual}, needs ${value} ± ${bound.toExponential(1)}`)
  }
}
