import * as assert from 'uvu/assert'
import { adam, DataError, dataset, ShapeError, SpecError, UNLABELED, type VaeSpec } from '../../src/index.js'
import { CLASSIFIER_FIXTURES, formulaBatch, formulaModel, loadModelFixture, loadRunFixtures } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { expectSameBits, expectWithin } from '../support/bounds.js'
import { expectSameParameters, modelWith, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { expectFixture, expectRun, LOSS } from '../support/pytorch.js'

const test = suite('labels partly unknown')

const SPEC: VaeSpec = {
  input: [5, 3, 1],
  encoder: [{ type: 'dense', units: 8, activation: 'softplus' }],
  latent: { type: 'gaussian', size: 2 },
  decoder: [{ type: 'dense', units: 8, activation: 'softplus' }, { type: 'dense', units: 15 }],
  likelihood: { type: 'bernoulli' },
  classes: 4,
  classifier: [{ type: 'dense', units: 8, activation: 'softplus' }, { type: 'dense', units: 4 }],
}

/** A set of blobs, of which some have a label. */
function blobs(count: number, labelOf: (n: number) => number) {
  const labels = Uint8Array.from({ length: count }, (_, n) => labelOf(n))
  return dataset({ images: blobBytes(count, SPEC.input, 3), shape: SPEC.input, labels })
}

for (const name of CLASSIFIER_FIXTURES) {
  gpuTest(test, `${name} has PyTorch's loss and gradients`, ({ device }) => expectFixture(device, name))
}

for (const [name, fixture] of Object.entries(await loadRunFixtures('semi-supervised-runs'))) {
  gpuTest(test, `three steps of ${name} follow PyTorch`, ({ device }) => expectRun(device, fixture))
}

gpuTest(test, 'classify gives the probabilities that the losses are made of', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await modelWith(engine, SPEC, formulaModel(SPEC, 5))
    const { images } = formulaBatch(SPEC, 19, 4)
    const { shape, data } = await vae.classify(images)
    assert.equal(shape, [19, 4])
    const labels = Array.from({ length: 19 }, (_, n) => n % 4)
    const [known, unknown] = [await vae.losses(images, { labels }), await vae.losses(images)]
    const q = (n: number, k: number) => data[4 * n + k]
    const expected = labels.map((label, n) => -Math.log(q(n, label)))
    expectWithin(known.classification!, expected, expected.map(() => 2e-6), 'classification')
    const entropies = labels.map((_, n) => {
      return [0, 1, 2, 3].reduce((sum, k) => sum + q(n, k) * Math.log(q(n, k)), Math.log(4))
    })
    expectWithin(unknown.label!, entropies, entropies.map(() => 2e-6), 'label')
    expectWithin(known.label!, labels.map(() => Math.log(4)), labels.map(() => 1e-6), 'label of known ones')
    expectWithin(unknown.classification!, labels.map(() => 0), labels.map(() => 0), 'classification of unknown ones')
  }))

gpuTest(test, 'losses of images come to the batch, with pixels of every class by its weight', ({ device }) =>
  withEngine(device, async (engine) => {
    const { spec, parameters, images, noise, labels, loss } = await loadModelFixture('semi-supervised-gaussian')
    const vae = await modelWith(engine, spec, parameters)
    const losses = await vae.losses(images, { noise, labels, perPixel: true })
    const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / images.shape[0]
    const { total, reconstruction, kl, label, classification, pixels } = losses
    const parts = [total, reconstruction, kl, label!, classification!, pixels!.data]
    const expected = [loss.total, loss.reconstruction, loss.kl, loss.label!, loss.classification!, loss.reconstruction]
    expectWithin(parts.map(mean), expected, expected.map(() => LOSS * Math.abs(loss.total)), 'means')
  }))

gpuTest(test, 'evaluate tells the accuracy over the labels that are known', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await modelWith(engine, SPEC, formulaModel(SPEC, 5))
    const set = blobs(50, (n) => (n % 3 === 0 ? n % 4 : UNLABELED))
    const images = Float32Array.from(set.images, (byte) => byte / 255)
    const { data } = await vae.classify(images)
    const likeliest = (n: number) => {
      return [0, 1, 2, 3].reduce((best, k) => (data[4 * n + k] > data[4 * n + best] ? k : best), 0)
    }
    const known = Array.from({ length: 50 }, (_, n) => n).filter((n) => n % 3 === 0)
    const { accuracy, total, reconstruction, kl, label, classification } = await vae.evaluate(set)
    assert.is(accuracy, known.filter((n) => likeliest(n) === n % 4).length / known.length)
    assert.ok(Math.abs(total - (reconstruction + kl + label! + classification!)) < 1e-9)
    assert.is('accuracy' in (await vae.evaluate(blobs(9, () => UNLABELED))), false)
  }))

gpuTest(test, 'encodes, decodes and draws by labels as a conditional model', ({ device }) =>
  withEngine(device, async (engine) => {
    const parameters = formulaModel(SPEC, 5)
    const vae = await modelWith(engine, SPEC, parameters)
    const { classifier: _, ...plain } = SPEC
    const own = Object.entries(parameters).filter(([name]) => !name.startsWith('classifier.'))
    const conditional = await modelWith(engine, plain, Object.fromEntries(own))
    const { images } = formulaBatch(plain, 5, 4)
    const labels = [0, 3, 1, 1, 2]
    for (const call of ['reconstruct', 'encode'] as const) {
      const results = [await vae[call](images, { labels }), await conditional[call](images, { labels })]
      const [a, b] = results.map((result) => ('mean' in result ? result.mean.data : result.data))
      expectSameBits(a, b, call)
    }
    const drawn = [await vae.sample(5, { labels, seed: 3 }), await conditional.sample(5, { labels, seed: 3 })]
    expectSameBits(drawn[0].data, drawn[1].data, 'sample')
  }))

gpuTest(test, 'is saved with its classifier, and learns on from there bit for bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = blobs(40, (n) => (n % 5 === 0 ? n % 4 : UNLABELED))
    const options = { batchSize: 8, optimizer: adam({ learningRate: 1e-2 }) }
    const straight = await engine.createVae(SPEC, { seed: 2 })
    const last = await straight.train(set, { ...options, steps: 7, reportEvery: 7 }).done
    assert.ok(last.loss.accuracy! >= 0 && last.loss.label! >= 0)
    const first = await engine.createVae(SPEC, { seed: 2 })
    await first.train(set, { ...options, steps: 3 }).done
    const second = await engine.load(await first.save())
    assert.equal(second.spec, SPEC)
    await second.train(set, { ...options, steps: 4 }).done
    expectSameParameters(await second.parameters(), await straight.parameters())
  }))

gpuTest(test, 'fills batches with known labels, and resumes bit for bit', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = blobs(40, (n) => (n % 8 === 0 ? n % 4 : UNLABELED))
    const options = { batchSize: 8, labeledPerBatch: 3, optimizer: adam({ learningRate: 1e-2 }) }
    const straight = await engine.createVae(SPEC, { seed: 2 })
    const accuracies: (number | undefined)[] = []
    const run = straight.train(set, { ...options, epochs: 2 })
    for await (const { loss } of run) accuracies.push(loss.accuracy)
    assert.is(accuracies.length, 14) // 35 of unknown label, five at a time
    assert.ok(accuracies.every((accuracy) => [0, 1, 2, 3].some((right) => Math.abs(accuracy! - right / 3) < 1e-9)))
    const first = await engine.createVae(SPEC, { seed: 2 })
    await first.train(set, { ...options, steps: 5 }).done
    const second = await engine.load(await first.save())
    await second.train(set, { ...options, steps: 9 }).done
    expectSameParameters(await second.parameters(), await straight.parameters())
  }))

gpuTest(test, 'refuses labels, noise and objectives that it cannot have', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SPEC)
    const { classifier: _, ...plain } = SPEC
    const conditional = await engine.createVae(plain)
    const { images } = formulaBatch(plain, 2, 4)
    const steps = { steps: 1, batchSize: 2 }
    const labelled = { images, labels: [1, 7] }
    await expectError(() => vae.gradients(labelled), DataError, 'data', 'labels: number 1 is 7', '255 where it is not known')
    await expectError(() => vae.encode(images, { labels: [255, 0] }), DataError, 'data', 'labels: number 0 is 255')
    const unknown = { images, labels: [0, 255] }
    const onlyClassifiers = 'only training and losses of a model with a classifier take unknown ones'
    await expectError(() => conditional.gradients(unknown), DataError, 'data', onlyClassifiers)
    const set = blobs(4, () => UNLABELED)
    await expectError(() => conditional.train(set, steps), DataError, 'data', 'train: labels: number 0 is 255')
    await expectError(() => vae.train(set, steps), DataError, 'data', 'train: no label of the set is known')
    const some = blobs(4, (n) => (n < 2 ? n : UNLABELED))
    const labeledPerBatch = 'train.labeledPerBatch: '
    for (const [model, data, count, message] of [
      [conditional, blobs(4, () => 0), 1, 'needs a model with a classifier'],
      [vae, some, 3, 'needs at most the batch of 2, got 3'],
      [vae, blobs(4, (n) => (n < 1 ? n : UNLABELED)), 2, 'needs at most the 1 known labels of the set, got 2'],
      [vae, blobs(4, () => 0), 1, 'every label of the set is known'],
      [vae, some, 0, 'needs a whole number from 1 on, got 0'],
    ] as const) {
      const train = () => model.train(data, { ...steps, labeledPerBatch: count })
      await expectError(train, SpecError, 'spec', labeledPerBatch + message)
    }
    const bare = dataset({ images: set.images, shape: SPEC.input })
    await expectError(() => vae.train(bare, steps), DataError, 'data', 'the data set has no labels', 'give it 255')
    const noise = new Float32Array(2 * 2)
    await expectError(() => vae.gradients({ images, noise }), ShapeError, 'shape', 'noise: has 2 rows of 2, needs 8, 4 an image')
    await expectError(() => vae.gradients({ images, freeBits: 1 }), SpecError, 'spec', 'gradients.freeBits')
    await expectError(() => vae.evaluate(blobs(4, () => 0), { importanceSamples: 3 }), SpecError, 'spec', 'over all classes')
    await expectError(() => conditional.classify(images), SpecError, 'spec', 'classify', 'has no classifier')
  }))

test('refuses classifiers that cannot be, with the path', async () => {
  const { checkSpec } = await import('../../src/model/check.js')
  const { classes: _, ...unclassed } = SPEC
  const cases: [object, string][] = [
    [unclassed, 'classifier: needs classes to tell apart'],
    [{ ...SPEC, classifier: [{ type: 'dense', units: 5 }] }, 'classifier[0].units: the classifier ends in 5 units'],
    [{ ...SPEC, classifier: [] }, 'classifier: the classifier ends in an image 5 × 3 × 1'],
    [{ ...SPEC, classifier: [{ type: 'dense', units: 4, activation: 'relu' }] }, 'classifier[0].activation: '],
    [{ ...SPEC, latent: { type: 'deterministic', size: 2 } }, 'classifier: needs a Gaussian latent'],
    [{ ...SPEC, latent: { type: 'gaussian', size: 2, covariance: 'full' } }, 'classifier: needs a Gaussian latent'],
    [{ ...SPEC, classes: 256, classifier: [{ type: 'dense', units: 256 }] }, 'classes: needs at most 255'],
    [{ ...SPEC, classifierWeight: -1 }, 'classifierWeight: needs a finite number'],
    [{ ...unclassed, classifier: undefined, classifierWeight: 1 }, 'classifierWeight: needs a classifier'],
  ]
  for (const [spec, message] of cases) await expectError(() => checkSpec(spec), SpecError, 'spec', message)
})

test.run()
