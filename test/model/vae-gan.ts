import * as assert from 'uvu/assert'
import {
  DataError, dataset, rmsprop, ShapeError, SpecError,
  type Engine, type LayerSpec, type TrainOptions, type Vae, type VaeSpec,
} from '../../src/index.js'
import { formulaModel, judgedBatch } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes, bytesToFloats } from '../reference/formula.js'
import {
  expectLoss, expectOtherParameters, expectRelative, expectSameParameters, modelWith, withEngine,
} from '../support/engine.js'
import { expectSameBits } from '../support/bounds.js'
import { expectError } from '../support/errors.js'
import { withLimits } from '../support/gpu-faults.js'

const test = suite('model with a discriminator')

/** As small as it gets with batch normalisation in all three networks. */
const SPEC: VaeSpec = {
  input: [6, 5, 3],
  encoder: [{ type: 'conv', filters: 4, kernel: 3, stride: 2 }, { type: 'batch-norm', activation: 'relu' }],
  latent: { type: 'gaussian', size: 3 },
  decoder: [{ type: 'dense', units: 12 }, { type: 'batch-norm', activation: 'relu' }, { type: 'dense', units: 90 }],
  likelihood: { type: 'bernoulli' },
  discriminator: {
    layers: [
      { type: 'conv', filters: 5, kernel: 3, stride: 2 },
      { type: 'batch-norm', activation: 'leaky-relu' },
      { type: 'dense', units: 1 },
    ],
    similarity: 1,
    weight: 0.1,
  },
}

const images = bytesToFloats(blobBytes(5, SPEC.input, 3))

/** Epochs of 8, 8, 8 and 5 images. */
const data = dataset({ images: blobBytes(29, SPEC.input, 1), shape: SPEC.input })
const options = { batchSize: 8, optimizer: rmsprop({ learningRate: 1e-3 }) }

async function trained(engine: Engine, steps: number, more: Partial<TrainOptions> = {}): Promise<Vae> {
  const vae = await engine.createVae(SPEC, { seed: 3 })
  await vae.train(data, { ...options, ...more, steps }).done
  return vae
}

for (const balance of [undefined, { equilibrium: 0.69, margin: 0.02 }]) {
  const title = balance ? 'with the balance rule' : 'without'

  gpuTest(test, `saved after 3 steps and loaded it goes on bit for bit, ${title}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const whole = await trained(engine, 7, { balance })
      const half = await trained(engine, 3, { balance })
      const loaded = await engine.load(await half.save())
      assert.equal(loaded.spec, SPEC)
      await loaded.train(data, { batchSize: 8, balance, steps: 4 }).done
      expectSameParameters(await loaded.parameters(), await whole.parameters())
    }),
  )
}

gpuTest(test, 'who waits is decided anew in every step, and its moments wait too', ({ device }) =>
  withEngine(device, async (engine) => {
    const networks = async (vae: Vae) => {
      const all = Object.entries(await vae.parameters()).filter(([name]) => !name.includes('.running_'))
      const of = (list: string) => Object.fromEntries(all.filter(([name]) => name.startsWith(`${list}.`)))
      return { encoder: of('encoder'), decoder: of('decoder'), discriminator: of('discriminator') }
    }
    const fresh = await networks(await engine.createVae(SPEC, { seed: 3 }))
    // A discriminator that cannot tell yet costs about ln 2.
    const still = await networks(await trained(engine, 2, { balance: { equilibrium: 0.1, margin: 0.1 } }))
    expectSameParameters(still.decoder, fresh.decoder)
    expectOtherParameters(still.discriminator, fresh.discriminator)
    expectOtherParameters(still.encoder, fresh.encoder)
    const vae = await trained(engine, 2, { balance: { equilibrium: 5, margin: 0.1 } })
    const frozen = await networks(vae)
    expectSameParameters(frozen.discriminator, fresh.discriminator)
    expectOtherParameters(frozen.decoder, fresh.decoder)
    await vae.train(data, { ...options, steps: 1 }).done // a first step of RMSprop is ten learning rates long
    const after = await networks(vae)
    const moved = Object.entries(after.discriminator).map(([name, { data }]) => {
      return Math.max(...data.map((value, i) => Math.abs(value - fresh.discriminator[name].data[i])))
    })
    assert.ok(Math.max(...moved) > 9e-3, `moved by ${moved}: its moments are not those of a first step`)
  }),
)

gpuTest(test, 'the loss has the parts of all networks, in events, evaluation and steps', ({ device }) =>
  withEngine(device, async (engine) => {
    const parts = ['total', 'reconstruction', 'kl', 'adversarial', 'real', 'reconstructed', 'sampled']
    const vae = await engine.createVae(SPEC, { seed: 3 })
    const { loss, validation } = await vae.train(data, { ...options, epochs: 1, validation: data }).done
    const before = await vae.parameters()
    const evaluated = await vae.evaluate(data)
    for (const one of [loss, validation!, evaluated]) assert.equal(Object.keys(one), parts)
    assert.ok(Math.abs(evaluated.total - evaluated.reconstruction - evaluated.kl) < 1e-6 * evaluated.total)
    assert.ok([evaluated.real!, evaluated.reconstructed!, evaluated.sampled!].every((p) => p > 0 && p < 1))
    assert.equal(await vae.evaluate(data), evaluated)
    const byImage = await vae.losses(bytesToFloats(data.images), { seed: 0 })
    assert.equal(Object.keys(byImage).sort(), [...parts].sort())
    const real = byImage.real!.reduce((sum, value) => sum + value / data.count, 0)
    assert.ok(Math.abs(real - evaluated.real!) < 1e-6)
    const inBatches = await vae.evaluate(data, { batchSize: 10 }) // no row sees the others
    assert.ok(Math.abs(inBatches.real! - evaluated.real!) < 1e-6)
    expectSameParameters(await vae.parameters(), before)
    assert.equal(Object.keys(await vae.step({ images }, options.optimizer)), parts)
  }),
)

gpuTest(test, 'encodes, decodes and samples as the same model without a discriminator', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await trained(engine, 5)
    const { discriminator: _, ...plain } = SPEC
    const other = await engine.createVae(plain, { seed: 3 })
    const all = Object.entries(await vae.parameters())
    await other.setParameters(Object.fromEntries(all.filter(([name]) => !name.startsWith('discriminator.'))))
    expectSameBits((await vae.encode(images)).mean.data, (await other.encode(images)).mean.data, 'mean')
    expectSameBits((await vae.reconstruct(images)).data, (await other.reconstruct(images)).data, 'reconstructions')
    expectSameBits((await vae.sample(4, { seed: 1 })).data, (await other.sample(4, { seed: 1 })).data, 'samples')
    assert.equal(await vae.activeUnits(data), await other.activeUnits(data))
  }),
)

gpuTest(test, 'what is not given is drawn: the same by the same seed, noise and prior each by its own numbers', ({ device }) =>
  withEngine(device, async (engine) => {
    const [vae, twin] = [await engine.createVae(SPEC, { seed: 3 }), await engine.createVae(SPEC, { seed: 3 })]
    const [first, second] = [await vae.gradients({ images }), await twin.gradients({ images })]
    assert.equal(first.loss, second.loss)
    const prior = new Float32Array(5 * 3).fill(0.5)
    const given = await vae.gradients({ images, prior })
    assert.is(given.loss.reconstruction, first.loss.reconstruction)
    assert.is(given.loss.reconstructed, first.loss.reconstructed)
    assert.is.not(given.loss.sampled, first.loss.sampled)
  }),
)

gpuTest(test, 'refuses what it has no bound for, and what a plain model lacks', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SPEC)
    const { discriminator: _, ...plain } = SPEC
    const other = await engine.createVae(plain)
    const { optimizer } = options
    const prior = new Float32Array(15)
    const bound = 'needs a loss that bounds log p(x)'
    const many = { images, importanceSamples: 5 }
    await expectError(() => vae.step(many, optimizer), SpecError, 'spec', 'step.importanceSamples', bound)
    const free = { ...options, steps: 1, freeBits: 0.1 }
    await expectError(() => vae.train(data, free), SpecError, 'spec', 'train.freeBits', bound)
    const evaluate = () => vae.evaluate(data, { importanceSamples: 5 })
    await expectError(evaluate, SpecError, 'spec', 'evaluate.importanceSamples', bound)
    const pixels = () => vae.losses(images, { perPixel: true })
    await expectError(pixels, SpecError, 'spec', 'losses.perPixel', 'compares no pixels')
    const short = { images, prior: prior.subarray(3) }
    await expectError(() => vae.step(short, optimizer), ShapeError, 'shape', 'prior: has 4 rows of 3, needs 5')
    const poisoned = { images, prior: prior.map(() => NaN) }
    await expectError(() => vae.gradients(poisoned), DataError, 'data', 'prior', 'NaN')
    const unwanted = () => other.step({ images, prior }, optimizer)
    await expectError(unwanted, DataError, 'data', 'prior: given to a model without a discriminator')
    const balanced = () => other.train(data, { ...options, steps: 1, balance: {} })
    await expectError(balanced, SpecError, 'spec', 'train.balance', 'needs a model with a discriminator')
    const wrong = { ...options, steps: 1, balance: { equilibrium: -1 } }
    await expectError(() => vae.train(data, wrong), SpecError, 'spec', 'train.balance.equilibrium', 'got -1')
  }),
)

gpuTest(test, 'runs a large batch in slices where nothing takes a mean over it, and refuses what does', ({ device }) =>
  withEngine(device, async (engine) => {
    const without = (layers: LayerSpec[]) => layers.filter(({ type }) => type !== 'batch-norm')
    const judge = SPEC.discriminator!
    const spec: VaeSpec = {
      ...SPEC,
      encoder: without(SPEC.encoder),
      decoder: without(SPEC.decoder),
      discriminator: { ...judge, layers: without(judge.layers) },
    }
    const batch = judgedBatch(spec, 60, 1)
    const parameters = formulaModel(spec, 1)
    const whole = await (await modelWith(engine, spec, parameters)).gradients(batch)
    // Losses of 256 steps in six parts: 6,144 bytes an image, so 24 images at once.
    await withLimits(device, { maxStorageBufferBindingSize: 24 * 6144 }, async () => {
      const sliced = await (await modelWith(engine, spec, parameters)).gradients(batch)
      expectLoss(sliced.loss, whole.loss, 1e-6, 'loss')
      expectRelative(sliced.gradients, whole.gradients, 1e-5, 'gradient')
      const waiting = async () => (await engine.createVae(spec)).step({ ...batch, balance: {} }, options.optimizer)
      await expectError(waiting, SpecError, 'spec', 'balance', 'the 60 of this batch run in slices')
      const normalised = async () => (await engine.createVae(SPEC)).gradients(batch)
      await expectError(normalised, SpecError, 'spec', 'encoder.1', 'the 60 of this batch run in slices')
    })
  }),
)

gpuTest(test, 'goes through the networks as often as three objectives need, and no more', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(SPEC)
    const kernels = vae.plan.dispatches.map(({ kernel }) => kernel.replace(/_(narrow|scalar|wide|shared|split)$/, ''))
    const count = (name: string) => kernels.filter((kernel) => kernel === name).length
    assert.is(count('conv_forward'), 2) // of the encoder, and of the discriminator once for all images
    assert.is(count('batch_norm_statistics'), 3)
    assert.is(count('batch_norm_backward_weight'), 5) // decoder and discriminator twice, for the two gradients by images
    assert.is(count('conv_backward_weight'), 2)
    assert.is(count('conv_backward_input'), 2) // by the images, of both
    assert.is(count('batch_norm_running'), 1)
    assert.is(vae.plan.dispatches.length, DISPATCHES)
  }),
)

/** Of a step of {@link SPEC} with Adam. */
const DISPATCHES = 44

test.run()
