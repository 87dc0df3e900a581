import { libraries } from 'elbo:kernels'
import * as assert from 'uvu/assert'
import { normalPair, threefry2x32, uniformFromBits } from '../../src/random.js'
import { download, gpuTest, upload } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { hash } from '../reference/formula.js'

const test = suite('threefry')

const COUNT = 4096

/** Random123 kat_vectors, threefry2x32 with 20 rounds: key, counter. */
const PUBLISHED = [
  [0, 0, 0, 0],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3],
]

const shader = `
  struct Draw { words: vec2u, uniforms: vec2f, normals: vec2f }
  @group(0) @binding(0) var<storage, read> inputs: array<vec4u>;
  @group(0) @binding(1) var<storage, read_write> draws: array<Draw>;
  @compute @workgroup_size(64) fn draw(@builtin(global_invocation_id) id: vec3u) {
    let words = threefry2x32(inputs[id.x].xy, inputs[id.x].zw);
    let uniforms = vec2f(uniform_from_bits(words.x), uniform_from_bits(words.y));
    draws[id.x] = Draw(words, uniforms, normal_pair(words));
  }
  `

/** Keys and counters: the published ones, counters in a row as the kernels use them, and words of every kind. */
function inputs(): Uint32Array {
  const words = Uint32Array.from({ length: 4 * COUNT }, (_, i) => hash(i, 5))
  for (let i = 0; i < COUNT / 2; i++) words.set([7, 2 << 24, i, 3], 4 * i)
  PUBLISHED.forEach((published, i) => words.set(published, 4 * i))
  return words
}

async function draw(device: GPUDevice, words: Uint32Array): Promise<ArrayBuffer> {
  const module = device.createShaderModule({ label: 'draw', code: shader + libraries.threefry })
  const pipeline = device.createComputePipeline({ label: 'draw', layout: 'auto', compute: { module } })
  const buffers = [upload(device, words), upload(device, new Float32Array(6 * COUNT))]
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(COUNT / 64)
  pass.end()
  device.queue.submit([encoder.finish()])
  return download(device, buffers[1])
}

gpuTest(test, `gives TypeScript's bits, uniforms and normals for ${COUNT} keys and counters`, async ({ device }) => {
  const words = inputs()
  const drawn = await draw(device, words)
  const [bits, floats] = [new Uint32Array(drawn), new Float32Array(drawn)]
  for (let i = 0; i < COUNT; i++) {
    const [key0, key1, counter0, counter1] = words.subarray(4 * i)
    const expected = threefry2x32(key0, key1, counter0, counter1)
    const where = `key ${key0} ${key1}, counter ${counter0} ${counter1}`
    assert.equal([...bits.subarray(6 * i, 6 * i + 2)], expected, where)
    assert.equal([...floats.subarray(6 * i + 2, 6 * i + 4)], expected.map(uniformFromBits), where)
    const normals = normalPair(...expected)
    const radius = Math.hypot(...normals)
    // WGSL: cos and sin 2⁻¹¹ absolute, log 2⁻²¹ absolute near 1, under a root.
    const bound = radius * 2 ** -11 + Math.min(2 ** -10, 2 ** -20 / radius) + radius * 2 ** -21
    normals.forEach((value, half) => {
      const came = floats[6 * i + 4 + half]
      assert.ok(Math.abs(came - value) <= bound, `${where}: normal ${half} is ${came}, expected ${value} ± ${bound}`)
    })
  }
})

gpuTest(test, 'gives the published answers', async ({ device }) => {
  const bits = new Uint32Array(await draw(device, inputs()))
  const answers = PUBLISHED.map((_, i) => [...bits.subarray(6 * i, 6 * i + 2)])
  assert.equal(answers, [
    [0x6b200159, 0x99ba4efe],
    [0x1cb996fc, 0xbb002be7],
    [0xc4923a9c, 0x483df7a0],
  ])
})

test.run()
