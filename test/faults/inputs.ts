import * as assert from 'uvu/assert'
import { adam, DataError, dataset, glyphs, sgd, ShapeError, SpecError, type Dataset, type Vae } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameParameters, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'

const images = suite('images')
const latents = suite('latents and noise')
const sets = suite('data sets')
const options = suite('training options')

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const optimizer = adam()

/** Every call that takes images. */
const imageCalls: Record<string, (vae: Vae, images: never) => Promise<unknown>> = {
  encode: (vae, images) => vae.encode(images),
  reconstruct: (vae, images) => vae.reconstruct(images),
  gradients: (vae, images) => vae.gradients({ images }),
  // Another type of optimizer would start anew: one that never came to a step must not.
  step: (vae, images) => vae.step({ images }, sgd()),
}

/** Runs the body on a model with some training behind it; afterwards its parameters and its place must be unchanged. */
function unharmed(device: GPUDevice, body: (vae: Vae) => Promise<void>): Promise<void> {
  return withEngine(device, async (engine) => {
    const vae = await engine.createVae(TINY, { seed: 1 })
    await vae.train(data, { steps: 2, batchSize: 8, optimizer }).done
    const before = await vae.parameters()
    await body(vae)
    expectSameParameters(await vae.parameters(), before)
    assert.is((await vae.train(data, { steps: 1, batchSize: 8, optimizer }).done).step, 3)
  })
}

function pixels(count: number, at: number, value: number): Float32Array {
  const values = new Float32Array(12 * count).fill(0.5)
  values[at] = value
  return values
}

const badPixels = [1.5, -0.25, NaN, Infinity, -Infinity, 1 + 2 ** -23]

gpuTest(images, `with a pixel of ${badPixels.join(', ')} are refused with its place`, ({ device }) =>
  unharmed(device, async (vae) => {
    for (const value of badPixels) {
      for (const call of Object.values(imageCalls)) {
        const values = pixels(3, 17, value) as never
        await expectError(() => call(vae, values), DataError, 'data', 'image 1, value 5', Math.fround(value), '[0, 1]')
      }
    }
  }))

gpuTest(images, 'of bytes as floats are refused with the hint to divide', ({ device }) =>
  unharmed(device, async (vae) => {
    for (const call of Object.values(imageCalls)) {
      await expectError(() => call(vae, pixels(2, 3, 255) as never), DataError, 'data', 'is 255', 'divide bytes by 255')
    }
  }))

gpuTest(images, 'of another length, shape or type are refused with both', ({ device }) =>
  unharmed(device, async (vae) => {
    for (const call of Object.values(imageCalls)) {
      const refused = (value: unknown, ...parts: (string | number)[]) =>
        expectError(() => call(vae, value as never), ShapeError, 'shape', 'images', ...parts)
      await refused(new Float32Array(25), '25 values', '12 = 4 × 3 × 1')
      await refused(new Float32Array(0), '0 values', 'at least one')
      await refused({ shape: [2, 4, 3, 1], data: new Float32Array(12) }, '2,4,3,1', 'has 24 values', 'has 12')
      await refused({ shape: [4, 3, 1], data: new Float32Array(12) }, '4,3,1', '1 rows of 4 × 3 × 1')
      await refused(Array(12).fill(0.5), 'needs a Float32Array', 'Array')
      await refused(new Uint8Array(12), 'needs a Float32Array', 'Uint8Array')
      await refused(undefined, 'needs a Float32Array', 'undefined')
      await refused(null, 'needs a Float32Array', 'null')
    }
  }))

gpuTest(latents, 'that do not fit or are not finite are refused', ({ device }) =>
  unharmed(device, async (vae) => {
    await expectError(() => vae.decode(new Float32Array(3)), ShapeError, 'shape', 'latents', '3 values', 'multiple of 2')
    await expectError(() => vae.decode(Float32Array.of(0, 1, 2, NaN)), DataError, 'data', 'latents', 'row 1, value 1', 'NaN')
    const batch = { images: new Float32Array(24) }
    for (const call of [vae.gradients.bind(vae), (given: typeof batch) => vae.step(given, adam())]) {
      const noise = new Float32Array(6)
      await expectError(() => call({ ...batch, noise } as never), ShapeError, 'shape', 'noise', '3 rows', 'needs 2')
      const bad = Float32Array.of(0, 0, Infinity, 0)
      await expectError(() => call({ ...batch, noise: bad } as never), DataError, 'data', 'noise', 'row 1, value 0', 'Infinity')
    }
  }))

gpuTest(latents, 'are sampled in whole numbers from 1 on', ({ device }) =>
  unharmed(device, async (vae) => {
    for (const count of [0, -1, 1.5, NaN]) {
      await expectError(() => vae.sample(count), DataError, 'data', 'sample', 'whole number', count)
    }
    await expectError(() => vae.sample(1, { seed: -1 }), SpecError, 'spec', 'seed', -1)
  }))

gpuTest(sets, 'of other images are refused with both shapes', ({ device }) =>
  unharmed(device, async (vae) => {
    const other = glyphs({ count: 5 })
    const parts = ['28 × 28 × 1', '4 × 3 × 1']
    await expectError(() => vae.evaluate(other), ShapeError, 'shape', 'evaluate', ...parts)
    await expectError(() => vae.train(other, { epochs: 1 }), ShapeError, 'shape', 'train', ...parts)
    const validation = { epochs: 1, batchSize: 8, validation: other }
    await expectError(() => vae.train(data, validation), ShapeError, 'shape', 'validation', ...parts)
  }))

gpuTest(sets, 'that are none are refused', ({ device }) =>
  unharmed(device, async (vae) => {
    for (const none of [undefined, null, new Float32Array(12), { images: [1, 2, 3] }]) {
      await expectError(() => vae.train(none as never, { epochs: 1 }), DataError, 'data', 'data set')
      await expectError(() => vae.evaluate(none as never), DataError, 'data', 'data set')
    }
    const short: Dataset = { ...data, images: data.images.subarray(1) }
    await expectError(() => vae.evaluate(short), ShapeError, 'shape', '348', '347')
  }))

gpuTest(sets, 'smaller than a batch are refused with both numbers', ({ device }) =>
  unharmed(device, async (vae) => {
    await expectError(() => vae.train(data, { epochs: 1, batchSize: 30 }), DataError, 'data', 'batch of 30', 'set of 29')
    await expectError(() => vae.train(data, { epochs: 1 }), DataError, 'data', 'batch of 100', 'set of 29')
  }))

gpuTest(sets, 'with labels out of range are refused before any model sees them', async () => {
  const labelled = (labels: number[]) => dataset({ images: data.images, shape: data.shape, labels })
  const labels = new Array<number>(29).fill(3)
  await expectError(() => labelled(labels.with(4, 256)), DataError, 'data', 'labels[4] is 256', '0 to 255')
})

gpuTest(options, 'that cannot be are refused with their name and value', ({ device }) =>
  unharmed(device, async (vae) => {
    const refused = (given: object, ...parts: (string | number)[]) =>
      expectError(() => vae.train(data, { batchSize: 8, ...given }), SpecError, 'spec', 'train', ...parts)
    await refused({}, 'either epochs or steps')
    await refused({ epochs: 1, steps: 1 }, 'either epochs or steps')
    for (const value of [0, -1, 1.5, NaN, Infinity, '3']) {
      await refused({ epochs: value }, 'epochs', value)
      await refused({ steps: value }, 'steps', value)
      await refused({ steps: 1, batchSize: value }, 'batchSize', value)
      await refused({ steps: 1, reportEvery: value }, 'reportEvery', value)
      await refused({ steps: 1, checkpoint: { everySteps: value, save() {} } }, 'checkpoint.everySteps', value)
    }
    for (const value of [-0.5, NaN, Infinity]) {
      await refused({ steps: 1, klWeight: value }, 'klWeight', value)
      await expectError(() => vae.evaluate(data, { klWeight: value }), SpecError, 'spec', 'evaluate.klWeight', value)
    }
    for (const value of [-1, 0.5, 2 ** 53]) {
      await refused({ steps: 1, seed: value }, 'seed', value)
      await expectError(() => vae.evaluate(data, { seed: value }), SpecError, 'spec', 'evaluate.seed', value)
    }
  }))

/** A schedule of every kind, with the names of its numbers. */
const schedules = {
  step: { value: 1, factor: 0.5, every: 2 },
  cosine: { value: 1, steps: 5, minimum: 0.1 },
  linear: { from: 0, to: 1, steps: 5 },
  cyclical: { value: 1, period: 5, ramp: 0.5 },
}
const counts = ['every', 'steps', 'period']

gpuTest(options, 'of schedules below 0, not finite or unknown are refused with their path', ({ device }) =>
  unharmed(device, async (vae) => {
    const refused = async (rate: unknown, path: string, ...parts: (string | number)[]) => {
      const given = { steps: 1, batchSize: 8, klWeight: rate as number }
      await expectError(() => vae.train(data, given), SpecError, 'spec', `train.klWeight${path}`, ...parts)
      const learningRate = rate as number
      await expectError(() => adam({ learningRate }), SpecError, 'spec', `optimizer.learningRate${path}`, ...parts)
    }
    for (const [type, schedule] of Object.entries(schedules)) {
      for (const key of Object.keys(schedule)) {
        for (const value of [-1, NaN, Infinity, '1', null, ...(counts.includes(key) ? [0, 1.5] : [])]) {
          const rate = { type, ...schedule, [key]: value }
          await refused(rate, `.${key}`, String(value))
          await refused({ type: 'warm-up', steps: 2, after: rate }, `.after.${key}`, String(value))
        }
      }
      await refused({ type, ...schedule, gain: 1 }, '.gain', type)
    }
    await refused({ type: 'cyclical', value: 1, period: 5, ramp: 2 }, '.ramp', 'up to 1', 2)
    await refused({ type: 'warm-up', steps: 0, after: 1 }, '.steps', 0)
    await refused({ type: 'warm-up', steps: 2 }, '.after', 'a number or a schedule')
    await refused({ type: 'warm-up', steps: 2, after: -1 }, '.after', -1)
    await refused({ type: 'exponential', value: 1 }, '', 'exponential', 'cyclical')
    for (const none of ['1', null, []]) await refused(none, '', 'a number or a schedule')
  }))

gpuTest(options, 'of an optimizer that cannot be are refused', async () => {
  await expectError(() => adam({ learningRate: -1 }), SpecError, 'spec', 'optimizer.learningRate', -1)
  await expectError(() => adam({ learningRate: NaN }), SpecError, 'spec', 'optimizer.learningRate', NaN)
  await expectError(() => adam({ beta1: 1 }), SpecError, 'spec', 'optimizer.beta1', 'below 1')
  await expectError(() => adam({ rate: 1 } as never), SpecError, 'spec', 'optimizer.rate', 'learningRate')
})

images.run()
latents.run()
sets.run()
options.run()
