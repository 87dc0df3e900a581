import { gzipSync } from 'node:zlib'
import * as assert from 'uvu/assert'
import { adam, cifar, createEngine, dataset, FormatError, idx, type Tensor, type VaeSpec } from '../../src/index.js'
import { PackedFile } from '../../src/data/gzip.js'
import { CHECKSUM_KEY, readSafetensors, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { TINY } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { phantomDevice } from '../support/phantom-device.js'

const packed = suite('packed files')
const saved = suite('saved models from strangers')

/** Runs the body and tells how many bytes were unpacked meanwhile, wherever they went. */
async function unpackedBytes(body: () => Promise<unknown>): Promise<number> {
  const Original = globalThis.DecompressionStream
  let total = 0
  class Counting {
    readonly writable: WritableStream
    readonly readable: ReadableStream
    constructor(format: CompressionFormat) {
      const { readable, writable } = new Original(format)
      const count = new TransformStream<Uint8Array>({
        transform(chunk, controller) {
          total += chunk.length
          controller.enqueue(chunk)
        },
      })
      this.writable = writable
      this.readable = readable.pipeThrough(count)
    }
  }
  globalThis.DecompressionStream = Counting as typeof DecompressionStream
  try {
    await body()
  } finally {
    globalThis.DecompressionStream = Original
  }
  return total
}

const ZEROS = new Uint8Array(24_000_000)
const FEW = 9_000_000 // what a few bites of 4096 bytes can become

/** The header of an IDX file of 10 images of 28 × 28, and then far too much. */
function bomb(...header: number[]): Uint8Array {
  const bytes = new Uint8Array(ZEROS)
  bytes.set(header)
  return new Uint8Array(gzipSync(bytes))
}

const tenImages = [0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 28, 0, 0, 0, 28]
const tenLabels = [0, 0, 8, 1, 0, 0, 0, 10]

packed('are unpacked no further than their header promises', async () => {
  const images = bomb(...tenImages)
  assert.ok(images.length < 100_000, `${images.length} bytes`)
  const refused = (...files: Parameters<typeof idx>) => () =>
    expectError(() => idx(...files), FormatError, 'format', 'bytes too many')
  assert.ok((await unpackedBytes(refused(images))) < FEW)
  const good = new Uint8Array(16 + 7840)
  good.set(tenImages)
  const labels = bomb(...tenLabels)
  assert.ok((await unpackedBytes(refused(good, labels))) < FEW)
  assert.ok((await unpackedBytes(refused(images, labels))) < FEW)
})

packed('that do not go together are told by their headers', async () => {
  const images = bomb(0, 0, 8, 3, 0, 0, 100, 0, 0, 0, 0, 28, 0, 0, 0, 28) // promises 20 MB, and holds them
  const labels = bomb(...tenLabels)
  const mismatched = () => expectError(() => idx(images, labels), FormatError, 'format', '10 labels', 'needs 25600')
  assert.ok((await unpackedBytes(mismatched)) < FEW)
})

packed('of another kind are told by their first bytes', async () => {
  const nothing = bomb(1, 2, 3, 4)
  const another = () => expectError(() => idx(nothing), FormatError, 'format', 'magic 0x01020304')
  assert.ok((await unpackedBytes(another)) < FEW)
  const wrong = bomb(99)
  const labelled = () => expectError(() => cifar(wrong), FormatError, 'format', 'record 0 has label 99')
  assert.ok((await unpackedBytes(labelled)) < FEW)
})

packed('hold as many CIFAR records as CIFAR-10 has, and no more', async () => {
  const content = new PackedFile(bomb(3), 'records').content(60_000 * 3073)
  assert.is((await content).length, ZEROS.length)
  const short = () => expectError(() => new PackedFile(bomb(3), 'records').content(3073), FormatError, 'format', '3073')
  assert.ok((await unpackedBytes(short)) < FEW)
})

type Change = (file: { tensors: Record<string, Tensor>; metadata: Record<string, string> }) => void

/** A saved model after two steps, changed, with a checksum that fits. */
async function savedWith(change: Change, spec: VaeSpec = TINY): Promise<Uint8Array> {
  const vae = await (await createEngine({ device: phantomDevice() })).createVae(spec)
  const data = dataset({ images: new Uint8Array(12 * 9), shape: [4, 3, 1] })
  await vae.train(data, { steps: 2, batchSize: 4, optimizer: adam() }).done
  const file = readSafetensors(await vae.save())
  delete file.metadata[CHECKSUM_KEY]
  change(file)
  file.metadata[CHECKSUM_KEY] = tensorChecksum(file.tensors, file.metadata)
  return writeSafetensors(file.tensors, file.metadata)
}

async function refused(change: Change, ...parts: string[]): Promise<Error> {
  const file = await savedWith(change)
  return expectError(() => readModel(file), FormatError, 'format', ...parts)
}

saved('with negative second moments are refused, first moments may be', async () => {
  const name = 'encoder.0.weight'
  const set = (moment: 'm' | 'v', value: number): Change => ({ tensors }) => {
    tensors[`optimizer.${moment}.${name}`].data[3] = value
  }
  await refused(set('v', -1e-30), `"optimizer.v.${name}"`, '-1', 'from 0 on')
  await refused(set('v', NaN), `"optimizer.v.${name}"`, 'NaN')
  const { training } = readModel(await savedWith(set('m', -0.5)))
  assert.is(training!.moments.m![name].data[3], -0.5)
})

saved('with running variances or counts of codes below 0 are refused', async () => {
  const normalised: VaeSpec = { ...TINY, encoder: [...TINY.encoder, { type: 'batch-norm' }] }
  const negative = await savedWith(({ tensors }) => tensors['encoder.1.running_var'].data.fill(-1), normalised)
  await expectError(() => readModel(negative), FormatError, 'format', 'encoder.1.running_var', '-1', 'from 0 on')
  const quantized: VaeSpec = {
    ...TINY,
    encoder: [{ type: 'conv', filters: 2, kernel: 1 }],
    latent: { type: 'vector-quantized', codes: 3, size: 2, codebookUpdate: 'moving-average' },
    decoder: [{ type: 'conv', filters: 1, kernel: 1 }],
  }
  const counts = await savedWith(({ tensors }) => tensors['codebook.count'].data.fill(-2), quantized)
  await expectError(() => readModel(counts), FormatError, 'format', 'codebook.count', '-2', 'from 0 on')
})

saved('with metadata nested 20,000 deep are refused', async () => {
  const deep = (before: string, inside: string, after: string) => before.repeat(20_000) + inside + after.repeat(20_000)
  const rate = deep('{"type":"warm-up","steps":1,"after":', '1', '}')
  const optimizer = `{"type":"adam","learningRate":${rate}}`
  await refused(({ metadata }) => (metadata['elbo.optimizer'] = optimizer), 'elbo.optimizer', 'nested deeper than 100')
  const encoder = deep('[{"type":"residual","layers":', '[]', '}]')
  await refused(({ metadata }) => (metadata['elbo.spec'] = `{"encoder":${encoder}}`), 'elbo.spec', 'nested deeper')
  await refused(({ metadata }) => (metadata['elbo.training'] = deep('[', '', ']')), 'elbo.training', 'nested deeper')
})

saved('with schedules nested 17 deep are refused as any are', async () => {
  const rate = `${'{"type":"warm-up","steps":1,"after":'.repeat(17)}1${'}'.repeat(17)}`
  const optimizer = `{"type":"adam","learningRate":${rate}}`
  await refused(({ metadata }) => (metadata['elbo.optimizer'] = optimizer), 'elbo.optimizer', '16 deep')
})

saved('are quoted at most 200 characters long', async () => {
  const long = 'x'.repeat(100_000)
  for (const key of ['elbo.format', 'elbo.seed', 'elbo.spec', 'elbo.optimizer', 'elbo.training']) {
    for (const text of [long, JSON.stringify(long), JSON.stringify({ [long]: long, step: long, seed: long })]) {
      const error = await refused(({ metadata }) => (metadata[key] = text))
      assert.not(error.message.includes('x'.repeat(201)), `${key}: ${error.message.length}`)
    }
  }
})

packed.run()
saved.run()
