import { adam, DataError, dataset, ShapeError, type Labels, type Vae, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const test = suite('labels')

const conditional: VaeSpec = { ...TINY, classes: 3 }
const shape = TINY.input
const unlabelled = dataset({ images: blobBytes(9, shape, 1), shape })
const labelled = dataset({ images: unlabelled.images, shape, labels: [0, 1, 2, 0, 1, 2, 0, 1, 2] })
const images = new Float32Array(24).fill(0.5)
const batchSize = 4

/** Every call that takes labels, on two rows. */
const calls: Record<string, (vae: Vae, labels?: Labels) => Promise<unknown>> = {
  encode: (vae, labels) => vae.encode(images, { labels }),
  decode: (vae, labels) => vae.decode(new Float32Array(4), { labels }),
  reconstruct: (vae, labels) => vae.reconstruct(images, { labels }),
  sample: (vae, labels) => vae.sample(2, { labels }),
  gradients: (vae, labels) => vae.gradients({ images, labels }),
  step: (vae, labels) => vae.step({ images, labels }, adam()),
}

/** Runs the body on a model, whose parameters must be unchanged afterwards. */
function unharmed(device: GPUDevice, spec: VaeSpec, body: (vae: Vae) => Promise<void>): Promise<void> {
  return withEngine(device, async (engine) => {
    const vae = await engine.createVae(spec, { seed: 1 })
    const before = await vae.parameters()
    await body(vae)
    expectSameParameters(await vae.parameters(), before)
  })
}

gpuTest(test, 'that a conditional model lacks are asked for', ({ device }) =>
  unharmed(device, conditional, async (vae) => {
    for (const call of Object.values(calls)) {
      for (const none of [undefined, null]) {
        await expectError(() => call(vae, none as never), DataError, 'data', 'labels', 'conditional', '2 labels from 0 to 2')
      }
    }
  }))

gpuTest(test, 'that a data set lacks are told by who needs them', ({ device }) =>
  unharmed(device, conditional, async (vae) => {
    const parts = ['conditional', 'no labels']
    const options = { steps: 1, batchSize }
    await expectError(() => vae.train(unlabelled, options), DataError, 'data', 'train', ...parts)
    const validation = { ...options, validation: unlabelled }
    await expectError(() => vae.train(labelled, validation), DataError, 'data', 'train: validation', ...parts)
    await expectError(() => vae.evaluate(unlabelled), DataError, 'data', 'evaluate', ...parts)
  }))

gpuTest(test, 'given to a model without classes are refused, a set’s are left alone', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    for (const call of Object.values(calls)) {
      await expectError(() => call(vae, [0, 1]), DataError, 'data', 'labels', 'without classes', 'leave them out')
    }
    await vae.train(labelled, { steps: 1, batchSize }).done
    await vae.evaluate(labelled)
  }))

gpuTest(test, 'outside the classes are refused with their place', ({ device }) =>
  unharmed(device, conditional, async (vae) => {
    for (const bad of [3, -1, 1.5, NaN, 2 ** 32]) {
      for (const call of Object.values(calls)) {
        await expectError(() => call(vae, [2, bad]), DataError, 'data', 'labels', `number 1 is ${bad}`, 'from 0 to 2')
      }
    }
    const data = dataset({ images: unlabelled.images, shape, labels: [0, 1, 2, 0, 1, 2, 3, 1, 2] })
    const parts = ['labels', 'number 6 is 3', 'from 0 to 2']
    await expectError(() => vae.train(data, { steps: 1, batchSize }), DataError, 'data', 'train', ...parts)
    await expectError(() => vae.evaluate(data), DataError, 'data', 'evaluate', ...parts)
  }))

gpuTest(test, 'of another number than the rows are refused with both', ({ device }) =>
  unharmed(device, conditional, async (vae) => {
    for (const call of Object.values(calls)) {
      for (const labels of [[], [1], Uint8Array.of(0, 1, 2)]) {
        await expectError(() => call(vae, labels), ShapeError, 'shape', 'labels', `has ${labels.length}`, 'needs 2')
      }
    }
  }))

test.run()
