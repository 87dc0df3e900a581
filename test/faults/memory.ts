import * as assert from 'uvu/assert'
import { adam, createEngine, DataError, dataset, MemoryError, type VaeSpec } from '../../src/index.js'
import { ParameterArena } from '../../src/model/arena.js'
import { checkSpec } from '../../src/model/check.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { countsOf } from '../support/counting.js'
import { expectSameParameters, SMALL, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { watchBuffers, withLimits } from '../support/gpu-faults.js'

const limits = suite('memory beyond the limits')
const full = suite('memory that is full')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const batchSize = 8

/** A first layer that WebGPU's default limits have no room for: 784 · units · 4 bytes, of 128 MiB at most. */
const wide = (units: number): VaeSpec => ({ ...SMALL, encoder: [{ type: 'dense', units, activation: 'relu' }] })

const arenaBytes = (spec: VaeSpec) => 4 * new ParameterArena(checkSpec(spec)).placement.elements

for (const units of [50_000, 100_000]) {
  gpuTest(limits, `a first layer of ${units} units is refused before anything is made, with what would fit`, ({ device }) =>
    withEngine(device, async (engine) => {
      assert.is(device.limits.maxStorageBufferBindingSize, 2 ** 27)
      const bytes = (784 * units * 4).toLocaleString('en-US')
      const parts = ['"parameters" needs', '134,217,728 bytes', `encoder.0.weight [${units} × 784]`, bytes, 'gradients']
      let message = ''
      const { buffers } = await countsOf(device, async () => {
        const call = () => engine.createVae(wide(units))
        ;({ message } = await expectError(call, MemoryError, 'memory', ...parts))
      })
      assert.is(buffers, 0)
      const [, most] = message.match(/encoder\[0\]\.units of at most (\d+) would fit/) ?? []
      assert.ok(arenaBytes(wide(Number(most))) <= 2 ** 27, `${most} units do not fit`)
      assert.ok(arenaBytes(wide(Number(most) + 1)) > 2 ** 27, `more than ${most} units fit`)
    }))
}

gpuTest(limits, 'a model that fits is refused by load on a smaller device, and by nothing else there', ({ device }) =>
  withEngine(device, async (engine) => {
    const file = await (await engine.createVae(SMALL)).save()
    const refused = () => expectError(() => engine.load(file), MemoryError, 'memory', 'parameters', 'units of at most')
    const { buffers } = await countsOf(device, () =>
      withLimits(device, { maxStorageBufferBindingSize: arenaBytes(SMALL) - 4 }, refused),
    )
    assert.is(buffers, 0)
    await withLimits(device, { maxStorageBufferBindingSize: arenaBytes(SMALL) }, () => engine.load(file))
  }))

gpuTest(limits, 'an image whose activations do not fit is refused, by the tensor', ({ device }) =>
  withEngine(device, async (engine) => {
    const spec: VaeSpec = {
      input: [64, 64, 1],
      encoder: [{ type: 'conv', filters: 16, kernel: 3, stride: 4 }, { type: 'flatten' }],
      latent: { type: 'gaussian', size: 2 },
      decoder: [
        { type: 'dense', units: 256 },
        { type: 'reshape', shape: [16, 16, 1] },
        { type: 'conv-transpose', filters: 24, kernel: 3, stride: 4, activation: 'relu' },
        { type: 'conv', filters: 1, kernel: 3 },
      ],
      likelihood: { type: 'bernoulli' },
    }
    const most = 8 * 64 * 64 * 16 * 4 // of 8 images 16 filters wide, not 24
    await withLimits(device, { maxStorageBufferBindingSize: most }, async () => {
      const parts = ['decoder.2', (8 * 64 * 64 * 24 * 4).toLocaleString('en-US'), 'decoder[2].filters of at most 16 would fit']
      await expectError(() => engine.createVae(spec), MemoryError, 'memory', ...parts)
      assert.equal(spec.decoder[2], { type: 'conv-transpose', filters: 24, kernel: 3, stride: 4, activation: 'relu' })
    })
  }))

gpuTest(limits, 'the order of a set that is too long is refused with the plan, before the run allocates', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const count = 6000
    const long = dataset({ images: new Uint8Array(12 * count), shape: [4, 3, 1] })
    await vae.train(data, { steps: 1, batchSize }).done
    const run = () => vae.train(long, { steps: 1, batchSize }).done
    const parts = ['"order" needs 24,000 bytes', '20,000 bytes', 'images.0', 'all buffers']
    const refused = () => expectError(run, MemoryError, 'memory', ...parts)
    const { buffers } = await countsOf(device, () =>
      withLimits(device, { maxStorageBufferBindingSize: 20_000 }, refused),
    )
    assert.is(buffers, Math.ceil((12 * count) / 19_992), 'more than the images was allocated')
    await run()
  }))

gpuTest(limits, 'a data set of images larger than a binding is refused, in place of a loop without end', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const optimizer = adam()
    const other = dataset({ images: blobBytes(30, [4, 3, 1], 1), shape: [4, 3, 1] })
    await vae.train(other, { steps: 1, batchSize, optimizer }).done
    await withLimits(device, { maxStorageBufferBindingSize: 11 }, async () => {
      for (const call of [() => vae.evaluate(data), () => vae.train(data, { steps: 1, batchSize, optimizer }).done]) {
        await expectError(call, DataError, 'data', 'an image has 12 bytes', 'at most 11 bytes')
      }
    })
  }))

gpuTest(limits, 'a file larger than a buffer may be is read back in pieces, the same to the byte', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SMALL)
    await vae.step({ images: new Float32Array(784).fill(0.5) }, adam())
    const whole = await vae.save()
    const maxBufferSize = arenaBytes(SMALL) + 20 // no multiple of 8: pieces end inside arenas
    let pieces = new Uint8Array()
    const asked = await watchBuffers(device, [], async () => {
      pieces = await withLimits(device, { maxBufferSize }, () => vae.save())
    })
    assert.equal(pieces, whole)
    const stagings = asked.filter(({ label }) => label === 'readback')
    assert.ok(stagings.every(({ size }) => size <= maxBufferSize), `${stagings.map(({ size }) => size)} bytes at once`)
  }))

gpuTest(full, 'at createVae is a MemoryError with the GPU’s words; nothing stays, and the next model works', async ({ device }) => {
  const engine = await createEngine({ device })
  const parts = ['"parameters"', 'bytes', 'no room', 'memory is full']
  const call = () => expectError(() => engine.createVae(TINY), MemoryError, 'memory', ...parts)
  const counts = await countsOf(device, () => watchBuffers(device, ['parameters'], call))
  assert.ok(counts.buffers > 0)
  assert.is(counts.destroyedBuffers, counts.buffers)
  await (await engine.createVae(TINY)).sample(1)
  engine.destroy()
})

gpuTest(full, 'in a run names the plan, frees what the run made, and leaves what was learned', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const optimizer = adam()
    await vae.train(data, { steps: 3, batchSize, optimizer }).done
    const before = await vae.parameters()
    const parts = ['"status"', 'memory is full', 'a batch of 16 needs', 'smaller', 'parameters', 'all buffers']
    const run = () => vae.train(data, { steps: 1, batchSize: 16, optimizer }).done
    const { buffers, destroyedBuffers } = await countsOf(device, () =>
      watchBuffers(device, ['status'], () => expectError(run, MemoryError, 'memory', ...parts)),
    )
    assert.ok(buffers > 10)
    assert.is(destroyedBuffers, buffers) // the data set, which is idle, made room for the second attempt
    expectSameParameters(await vae.parameters(), before)
    assert.is((await vae.train(data, { steps: 1, batchSize: 16, optimizer }).done).step, 4)
  }))

for (const label of ['v', 'gradients', 'order', 'losses.readback']) {
  gpuTest(full, `of "${label}" fails the training that needs it, and the next one goes on`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await engine.createVae(TINY)
      const run = () => vae.train(data, { steps: 1, batchSize }).done
      const refused = () => expectError(run, MemoryError, 'memory', `"${label}"`, 'memory is full')
      await watchBuffers(device, [label], refused)
      await vae.encode(new Float32Array(12))
      assert.ok((await run()).loss.total > 0)
    }))
}

gpuTest(full, 'of a data set fails the call that uploads it, and the next one uploads it anew', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY)
    const call = () => expectError(() => vae.evaluate(data), MemoryError, 'memory', '"images.0"', 'memory is full')
    await watchBuffers(device, ['images.0'], call)
    assert.ok((await vae.evaluate(data)).total > 0)
  }))

limits.run()
full.run()
