import * as assert from 'uvu/assert'
import { downloadFloats, gpuTest, upload } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'

const harness = suite('harness')

const code = `
  @group(0) @binding(0) var<storage, read_write> x: array<f32>;
  @compute @workgroup_size(4) fn double(@builtin(global_invocation_id) id: vec3u) { x[id.x] = 2.0 * x[id.x]; }`

gpuTest(harness, 'computes on the adapter', async ({ device }) => {
  const module = device.createShaderModule({ label: 'double', code })
  const pipeline = device.createComputePipeline({ label: 'double', layout: 'auto', compute: { module } })
  const x = upload(device, Float32Array.of(1, 2, 3, 4))
  const entries = [{ binding: 0, resource: { buffer: x } }]
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(1)
  pass.end()
  device.queue.submit([encoder.finish()])
  assert.equal([...(await downloadFloats(device, x))], [2, 4, 6, 8])
})

harness.run()
