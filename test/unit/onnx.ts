import { gzipSync } from 'node:zlib'
import { fromBinary } from '@bufbuild/protobuf'
import * as assert from 'uvu/assert'
import { FormatError, SpecError } from '../../src/errors.js'
import { OnnxGraph } from '../../src/formats/onnx/graph.js'
import { ModelProtoSchema } from '../../src/formats/onnx/schema.js'
import { presets, type VaeSpec } from '../../src/index.js'
import { exportOnnx, type OnnxOptions } from '../../src/onnx.js'
import { suite } from '../harness/suite.js'
import { beside } from '../support/beside.js'
import { expectError } from '../support/errors.js'
import { TINY } from '../support/engine.js'
import { exampleOf } from '../support/example.js'

const onnx = suite('exportOnnx')

const modelOf = (spec: VaeSpec) => ({ spec, parameters: async () => exampleOf(spec, 1).parameters })

onnx('names nodes, inputs, outputs and parameters as the model does', async () => {
  const bytes = await exportOnnx(modelOf(presets.conditional), { part: 'reconstruct' })
  const { graph, opsetImport, producerName } = fromBinary(ModelProtoSchema, bytes)
  assert.is(producerName, 'elbo')
  assert.is(opsetImport[0].version, 17n)
  assert.equal(graph!.input.map(({ name }) => name), ['images', 'labels'])
  assert.equal(graph!.output.map(({ name }) => name), ['reconstruction'])
  const nodes = graph!.node.map(({ opType, name }) => `${name}: ${opType}`)
  for (const node of ['encoder.0: Gemm', 'encoder.0.relu: Relu', 'latent.mean: Gemm', 'output.sigmoid: Sigmoid']) {
    assert.ok(nodes.includes(node), `${node} is not among ${nodes.join(', ')}`)
  }
  const weights = graph!.initializer.map(({ name }) => name).filter((name) => /\.(weight|bias)$/.test(name))
  const unused = ['latent.log_variance.bias', 'latent.log_variance.weight'] // the mean alone is decoded
  const all = Object.keys(exampleOf(presets.conditional, 1).parameters)
  assert.equal([...weights, ...unused].sort(), all.sort())
})

onnx('says what goes in and comes out, and keeps the specification', async () => {
  const { graph, metadataProps } = fromBinary(ModelProtoSchema, await exportOnnx(modelOf(TINY), { part: 'encoder' }))
  const metadata = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]))
  assert.equal(JSON.parse(metadata['elbo.spec']), TINY)
  assert.is(metadata['elbo.part'], 'encoder')
  const [images] = graph!.input
  assert.match(images.docString, /images \[batch, height, width, channels\], values in \[0, 1\]/)
  const type = images.type!.value.case === 'tensorType' ? images.type!.value.value : undefined
  assert.equal(type!.shape!.dim.map(({ value }) => value.value), ['batch', 4n, 3n, 1n])
})

onnx('refuses a part that there is not', async () => {
  const refused = async (spec: VaeSpec, options: unknown) => {
    return (await expectError(() => exportOnnx(modelOf(spec), options as OnnxOptions), SpecError, 'spec')).message
  }
  const list = '"encoder", "decoder", "reconstruct", "classifier"'
  assert.match(await refused(TINY, { part: 'middle' }), `exportOnnx.part: there is no part "middle"; there is ${list}`)
  assert.match(await refused(TINY, {}), 'exportOnnx.part: needs part')
  assert.match(await refused(TINY, { part: 'encoder', opset: 18 }), 'opset')
  assert.match(await refused(TINY, { part: 'classifier' }), 'exportOnnx.part: this model has no classifier; take')
})

onnx('refuses parameters that no file holds', async () => {
  const graph = new OnnxGraph()
  const data = new Float32Array(2 ** 27) // half a GiB of zeros, written nowhere
  const large = ['a', 'b', 'c', 'd'].map((name) => graph.floats(name, { shape: [2 ** 27], data }))
  const type = { elements: 'float', dims: [2 ** 27], meaning: 'their sum' } as const
  graph.output('sum', graph.node('Sum', 'added', large), type)
  const message = 'ONNX: the parameters need 2147483648 bytes, one file holds at most'
  await expectError(() => graph.file('large', '', {}), FormatError, 'format', message)
})

onnx('is bundled with its protobuf library, without eval, in at most 32 KiB compressed', async () => {
  const build: typeof import('../../build.mjs') = await beside('build.mjs')
  const options = { entryPoints: ['src/onnx.ts'], minify: true, sourcemap: false as const, metafile: true, write: false }
  const { outputFiles, metafile } = await build.bundle(options)
  assert.equal(Object.values(metafile!.outputs).flatMap((output) => output.imports), [])
  const { contents, text } = outputFiles![0]
  assert.not.match(text, /\beval\(|new Function|\bFunction\(/)
  const { length } = gzipSync(contents, { level: 9 })
  assert.ok(length <= 32 * 1024, `${length} bytes`)
})

onnx.run()
