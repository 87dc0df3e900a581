import * as assert from 'uvu/assert'
import { adam, dataset, FormatError, type Tensor } from '../../src/index.js'
import { CHECKSUM_KEY, readSafetensors, tensorChecksum, writeSafetensors } from '../../src/formats/safetensors.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes, hash } from '../reference/formula.js'
import { countObjects } from '../support/counting.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError, rejection } from '../support/errors.js'
import type { Engine } from '../../src/index.js'

const test = suite('saved file')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })

/** A saved model with some training behind it. */
async function savedFile(engine: Engine): Promise<Uint8Array> {
  const vae = await engine.createVae(TINY, { seed: 1 })
  await vae.train(data, { steps: 3, batchSize: 8, optimizer: adam() }).done
  return vae.save()
}

/** The same file with other contents, and a checksum that fits them. */
function rewritten(
  file: Uint8Array,
  change: (tensors: Record<string, Tensor>, metadata: Record<string, string>) => void,
): Uint8Array {
  const { tensors, metadata } = readSafetensors(file)
  delete metadata[CHECKSUM_KEY]
  change(tensors, metadata)
  metadata[CHECKSUM_KEY] = tensorChecksum(tensors, metadata)
  return writeSafetensors(tensors, metadata)
}

gpuTest(test, 'is refused when cut off anywhere', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await savedFile(engine)
    const lengths = [0, 1, 7, 8, 9, 100, 1000, file.length - 4, file.length - 1]
    for (const length of lengths) await expectError(() => engine.load(file.subarray(0, length)), FormatError, 'format')
    const longer = new Uint8Array(file.length + 1)
    longer.set(file)
    await expectError(() => engine.load(longer), FormatError, 'format')
  }))

gpuTest(test, 'is refused when any byte of it has changed', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await savedFile(engine)
    const whole = readSafetensors(file)
    for (let i = 0; i < 400; i++) {
      const at = i < 200 ? (i * 7) % file.length : hash(i, 1) % file.length
      const altered = file.slice()
      altered[at] ^= 1 << (i % 8)
      const error = await rejection(() => engine.load(altered)).catch(() => undefined)
      if (error instanceof FormatError) continue
      if (error) throw error
      // Only white space behind the header may be anything that says the same.
      assert.equal(readSafetensors(altered), whole, `byte ${at} changed and nobody saw`)
    }
  }))

gpuTest(test, 'of something else is refused with the reason', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await savedFile(engine)
    const refused = (bytes: Uint8Array, ...parts: string[]) =>
      expectError(() => engine.load(bytes), FormatError, 'format', ...parts)
    await refused(writeSafetensors({ w: { shape: [1], data: Float32Array.of(1) } }), 'not a saved model', 'elbo.format')
    await refused(new TextEncoder().encode('{"weights": [1, 2, 3], "more": "and more"}'))
    await refused(rewritten(file, (_, metadata) => (metadata['elbo.format'] = '999')), '"999"', 'reads "1"')
    const without = (key: string) => rewritten(file, (_, metadata) => delete metadata[key])
    await refused(without('elbo.spec'), 'elbo.spec')
    await refused(without('elbo.seed'), 'elbo.seed')
    await refused(without('elbo.optimizer'), 'elbo.optimizer')
    const { tensors, metadata } = readSafetensors(file)
    delete metadata[CHECKSUM_KEY]
    await refused(writeSafetensors(tensors, metadata), 'checksum')
  }))

gpuTest(test, 'whose parts do not fit together is refused with the reason', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await savedFile(engine)
    const refused = (change: Parameters<typeof rewritten>[1], ...parts: string[]) =>
      expectError(() => engine.load(rewritten(file, change)), FormatError, 'format', ...parts)
    await refused((tensors) => delete tensors['latent.mean.weight'], '"latent.mean.weight"', 'needs')
    await refused((tensors) => delete tensors['optimizer.v.decoder.0.bias'], '"optimizer.v.decoder.0.bias"')
    const spec = (change: object) => (_: unknown, metadata: Record<string, string>) => {
      metadata['elbo.spec'] = JSON.stringify({ ...JSON.parse(metadata['elbo.spec']), ...change })
    }
    await refused(spec({ latent: { type: 'gaussian', size: 3 } }), '"latent.mean.weight"', '[2,5]', '[3,5]')
    await refused(spec({ encoder: [{ type: 'dense', units: 0 }] }), 'encoder[0].units', '0')
    await refused((_, metadata) => (metadata['elbo.spec'] = '{'), 'elbo.spec')
    await refused((_, metadata) => (metadata['elbo.seed'] = '-3'), 'elbo.seed', '-3')
    await refused((_, metadata) => (metadata['elbo.optimizer'] = '{"type":"adagrad"}'), 'elbo.optimizer', 'adagrad')
    await refused((_, metadata) => (metadata['elbo.training'] = '{"step":-1}'), 'elbo.training', '"step"', '-1')
    await refused((tensors) => (tensors['decoder.0.bias'].data[2] = NaN), '"decoder.0.bias"', 'NaN')
  }))

gpuTest(test, 'whose best epoch does not fit is refused with the reason', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 3 })
    const early = { validation: data, earlyStopping: { patience: 9 } }
    await vae.train(data, { epochs: 2, batchSize: 8, ...early }).done
    const file = await vae.save()
    const refused = (change: Parameters<typeof rewritten>[1], ...parts: string[]) =>
      expectError(() => engine.load(rewritten(file, change)), FormatError, 'format', ...parts)
    const stopping = (change: object) => (_: unknown, metadata: Record<string, string>) => {
      metadata['elbo.stopping'] = JSON.stringify({ ...JSON.parse(metadata['elbo.stopping']), ...change })
    }
    await refused((tensors) => delete tensors['best.decoder.0.bias'], '"best.decoder.0.bias"')
    await refused((tensors) => (tensors['best.decoder.0.bias'].data[1] = NaN), '"best.decoder.0.bias"', 'NaN')
    await refused(stopping({ aside: true }), '"training.encoder.0.weight"')
    await refused(stopping({ aside: true, best: undefined }), 'elbo.stopping', '"aside"', 'true')
    await refused(stopping({ aside: 1 }), 'elbo.stopping', '"aside"', '1')
    await refused(stopping({ waited: -1 }), 'elbo.stopping', '"waited"', '-1')
    await refused(stopping({ measure: 5 }), 'elbo.stopping', '"measure"', '5')
    await refused(stopping({ best: { loss: null, epoch: 1, step: 4 } }), 'elbo.stopping', '"best.loss"', 'null')
    await refused(stopping({ best: { loss: 1, epoch: 0.5, step: 4 } }), 'elbo.stopping', '"best"', '"epoch"', '0.5')
    await refused(stopping({ best: null }), 'elbo.stopping', '"best.loss"')
    await refused((_, metadata) => (metadata['elbo.stopping'] = 'null'), 'elbo.stopping')
    await refused((_, metadata) => (metadata['elbo.stopping'] = '{'), 'elbo.stopping')
  }))

gpuTest(test, 'that is refused leaves no GPU object behind, and every model as it was', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 5 })
    const before = await vae.parameters()
    const file = await savedFile(engine)
    const { counts, restore } = countObjects(device)
    const altered = file.slice()
    altered[file.length - 5] ^= 1
    for (const bytes of [file.subarray(0, 500), altered, rewritten(file, (tensors) => delete tensors['decoder.0.bias'])]) {
      await expectError(() => engine.load(bytes), FormatError, 'format')
    }
    restore()
    assert.equal([counts.buffers, counts.bindGroups, counts.modules], [0, 0, 0])
    expectSameParameters(await vae.parameters(), before)
  }))

gpuTest(test, 'is read from an ArrayBuffer and from the middle of another array', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await savedFile(engine)
    const expected = await (await engine.load(file)).parameters()
    const within = new Uint8Array(file.length + 13)
    within.set(file, 5)
    for (const form of [file.slice().buffer, within.subarray(5, 5 + file.length)]) {
      expectSameParameters(await (await engine.load(form)).parameters(), expected)
    }
  }))

test.run()
