import * as assert from 'uvu/assert'
import {
  adam, DataError, dataset, glyphs, ShapeError, SpecError, type Dataset, type Tensor, type Vae, type VaeSpec,
} from '../../src/index.js'
import { checkSpec } from '../../src/model/check.js'
import { Random, STREAMS } from '../../src/random.js'
import { formulaBatch, formulaModel } from '../fixtures.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { blobBytes } from '../reference/formula.js'
import { concentrationOf, Marginal } from '../reference/von-mises-fisher.js'
import { expectWithin } from '../support/bounds.js'
import { expectLoss, expectRelative, expectSameParameters, modelWith, SMALL, TINY, withEngine } from '../support/engine.js'
import { expectError } from '../support/errors.js'
import { withLimits } from '../support/gpu-faults.js'

const sphere = suite('sphere')
const refusals = suite('a sphere refuses')

const LEARNED: VaeSpec = { ...TINY, latent: { type: 'von-mises-fisher', size: 3 } }
const FIXED: VaeSpec = { ...TINY, latent: { type: 'von-mises-fisher', size: 5, concentration: 20 } }

const data = dataset({ images: blobBytes(29, [4, 3, 1], 1), shape: [4, 3, 1] })
const batchSize = 8

const stripes = dataset({
  images: Uint8Array.from({ length: 12 * 29 }, (_, i) => ((i * 37) % 11 < 5 ? 255 : 0)),
  shape: [4, 3, 1],
})

function lengths({ shape: [rows, size], data: values }: Tensor): number[] {
  return Array.from({ length: rows }, (_, n) => Math.hypot(...values.subarray(n * size, (n + 1) * size)))
}

function expectUnit(points: Tensor): void {
  const rows = lengths(points)
  expectWithin(rows, rows.map(() => 1), rows.map(() => 1e-6), 'length')
}

gpuTest(sphere, 'encode gives unit vectors and concentrations, which reconstruct decodes', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const spec of [LEARNED, FIXED]) {
      const parameters = formulaModel(spec, 1)
      if (spec === LEARNED) { // the same κ for every image
        parameters['latent.concentration.weight'].data.fill(0)
        parameters['latent.concentration.bias'].data.fill(7)
      }
      const vae = await modelWith(engine, spec, parameters)
      const { images } = formulaBatch(spec, 33, 2)
      const posterior = await vae.encode(images)
      assert.equal(Object.keys(posterior).sort(), ['concentration', 'mean'])
      assert.equal(posterior.mean.shape, [33, spec.latent.size])
      expectUnit(posterior.mean)
      assert.equal(posterior.concentration!.shape, [33])
      const kappa = spec === LEARNED ? concentrationOf(7) : 20
      expectWithin(posterior.concentration!.data, new Float64Array(33).fill(kappa), new Float64Array(33).fill(2e-6), 'κ')
      const [again, decoded] = [await vae.reconstruct(images), await vae.decode(posterior.mean)]
      expectRelative({ images: again }, { images: decoded }, 1e-6, 'reconstruction')
    }
  }))

sphere('draws the prior uniformly on the sphere', () => {
  for (const size of [3, 8]) {
    const { latent } = checkSpec({ ...TINY, latent: { type: 'von-mises-fisher', size } })
    const points = latent.prior(20_000, new Random(1, STREAMS.SAMPLE), []) as Tensor
    assert.equal(points.shape, [20_000, size])
    expectUnit(points)
    // 20,000 draws: the means stray by 0.007/√size, the second moments by about 0.002.
    for (let j = 0; j < size; j++) {
      const column = Array.from({ length: 20_000 }, (_, n) => points.data[n * size + j])
      const mean = column.reduce((sum, value) => sum + value, 0) / 20_000
      const square = column.reduce((sum, value) => sum + value ** 2, 0) / 20_000
      assert.ok(Math.abs(mean) < 0.02 && Math.abs(square - 1 / size) < 0.01, `${j} of ${size}: ${mean}, ${square}`)
    }
  }
})

/** −log p(x), averaged over a set, by the midpoint rule in height and longitude, in which the sphere's area is even. */
async function exactBound(vae: Vae, data: Dataset): Promise<number> {
  const [heights, turns] = [60, 90]
  const points = new Float32Array(3 * heights * turns)
  for (let i = 0; i < heights * turns; i++) {
    const height = (2 * Math.floor(i / turns) + 1) / heights - 1
    const angle = (2 * Math.PI * (i % turns)) / turns
    const radius = Math.sqrt(1 - height ** 2)
    points.set([radius * Math.cos(angle), radius * Math.sin(angle), height], 3 * i)
  }
  const { data: decoded } = await vae.decode(points)
  let sum = 0
  for (let n = 0; n < data.count; n++) {
    let evidence = 0
    for (let i = 0; i < heights * turns; i++) {
      let log = 0
      for (let j = 0; j < 12; j++) {
        const [p, x] = [decoded[i * 12 + j], data.images[n * 12 + j] / 255]
        log += x * Math.log(p) + (1 - x) * Math.log(1 - p)
      }
      evidence += Math.exp(log) / (heights * turns)
    }
    sum -= Math.log(evidence)
  }
  return sum / data.count
}

for (const spec of [LEARNED, { ...LEARNED, latent: { type: 'von-mises-fisher', size: 3, concentration: 2 } } as VaeSpec]) {
  const name = 'concentration' in spec.latent ? 'fixed' : 'learned'
  gpuTest(sphere, `the bound tightens with samples and reaches −log p(x), the concentration ${name}`, ({ device }) =>
    withEngine(device, async (engine) => {
      const vae = await engine.createVae(spec, { seed: 3 })
      const before = await vae.evaluate(stripes)
      await vae.train(stripes, { epochs: 100, batchSize, optimizer: adam({ learningRate: 1e-2 }) }).done
      const exact = await exactBound(vae, stripes)
      const losses = []
      for (const importanceSamples of [1, 20, 2000]) losses.push(await vae.evaluate(stripes, { importanceSamples }))
      const bounds = losses.map(({ importanceWeighted }) => importanceWeighted!)
      const [{ total, reconstruction, kl }] = losses
      assert.ok(total < before.total, `from ${before.total} to ${total}`)
      assert.ok(Math.abs(total - reconstruction - kl) < 1e-5 * total)
      // One sample is an unbiased −ELBO; 2,000 samples of 29 images leave an error far below a hundredth of a nat.
      assert.ok(bounds[1] < bounds[0] + 0.05 && bounds[2] < bounds[1] + 0.01 && exact < total, `${bounds}, ${total}`)
      assert.ok(Math.abs(bounds[2] - exact) < 0.01, `${bounds[2]} against ${exact}`)
    }))
}

gpuTest(sphere, 'learns drawn digits by −ELBO and by the bound of five samples', ({ device }) =>
  withEngine(device, async (engine) => {
    const set = glyphs({ count: 200, seed: 5 })
    for (const importanceSamples of [1, 5]) {
      const vae = await engine.createVae({ ...SMALL, latent: { type: 'von-mises-fisher', size: 3 } }, { seed: 1 })
      const before = await vae.evaluate(set)
      const options = { epochs: 15, batchSize: 50, optimizer: adam({ learningRate: 5e-3 }), importanceSamples }
      await vae.train(set, options).done
      const after = await vae.evaluate(set)
      assert.ok(after.total < 0.5 * before.total && after.kl > 1, `${JSON.stringify(before)}, ${JSON.stringify(after)}`)
    }
  }))

gpuTest(sphere, 'a run that is saved and loaded goes on to the same bits', ({ device }) =>
  withEngine(device, async (engine) => {
    for (const spec of [LEARNED, FIXED]) {
      const options = { batchSize, optimizer: adam({ learningRate: 1e-2 }) }
      const [whole, half] = [await engine.createVae(spec, { seed: 3 }), await engine.createVae(spec, { seed: 3 })]
      await whole.train(data, { steps: 10, ...options }).done
      await half.train(data, { steps: 5, ...options }).done
      const loaded = await engine.load(await half.save())
      assert.equal(loaded.spec, spec)
      await loaded.train(data, { steps: 5, ...options }).done
      expectSameParameters(await loaded.parameters(), await whole.parameters())
      assert.equal(await loaded.sample(9, { seed: 2 }), await whole.sample(9, { seed: 2 }))
    }
  }))

gpuTest(sphere, 'a batch in slices has the numbers of a whole one', ({ device }) =>
  withEngine(device, async (engine) => {
    const batch = formulaBatch(LEARNED, 100, 1)
    const whole = await (await modelWith(engine, LEARNED, formulaModel(LEARNED, 1))).gradients(batch)
    // Losses of 256 steps: 2,048 bytes an image, so 40 images at once.
    await withLimits(device, { maxStorageBufferBindingSize: 40 * 2048 }, async () => {
      const vae = await modelWith(engine, LEARNED, formulaModel(LEARNED, 1))
      const sliced = await vae.gradients(batch)
      expectLoss(sliced.loss, whole.loss, 1e-6, 'loss')
      expectRelative(sliced.gradients, whole.gradients, 1e-6, 'gradient')
    })
  }))

gpuTest(sphere, 'losses of every image have the divergence of its concentration', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(LEARNED, { seed: 5 })
    const images = Float32Array.from(data.images, (byte) => byte / 255)
    const { concentration } = await vae.encode(images)
    const { total, reconstruction, kl } = await vae.losses(images, { samples: 3 })
    const expected = Array.from(concentration!.data, (kappa) => new Marginal(3, kappa).kl)
    expectWithin(kl, expected, expected.map((value) => 2e-5 * value), 'kl')
    expectWithin(total, reconstruction.map((value, n) => value + kl[n]), kl.map(() => 1e-5), 'total')
  }))

gpuTest(sphere, 'active units are the variance of the distributions’ means, A(κ) μ', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(LEARNED, { seed: 5 })
    const { mean, concentration } = await vae.encode(Float32Array.from(data.images, (byte) => byte / 255))
    const points = mean.data.map((value, i) => value * new Marginal(3, concentration!.data[Math.floor(i / 3)]).mean)
    const { variance } = await vae.activeUnits(data)
    const expected = [0, 1, 2].map((j) => {
      const column = Array.from({ length: data.count }, (_, n) => points[3 * n + j])
      const middle = column.reduce((sum, value) => sum + value, 0) / data.count
      return column.reduce((sum, value) => sum + (value - middle) ** 2, 0) / data.count
    })
    expectWithin(variance, expected, expected.map((value) => 1e-5 * value), 'variance')
  }))

gpuTest(refusals, 'noise whose first value is no probability, noise of another width, and free bits', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(LEARNED)
    const images = new Float32Array(24)
    const noise = (u: number) => Float32Array.of(0.5, 1, 2, 3, u, 1, 2, 3)
    for (const u of [0, 1, -0.5, 1.5]) {
      const call = () => vae.gradients({ images, noise: noise(u) })
      await expectError(call, DataError, 'data', `row 1 begins with ${u}`, 'between 0 and 1')
      await expectError(() => vae.step({ images, noise: noise(u) }, adam()), DataError, 'data', 'row 1')
    }
    await expectError(() => vae.gradients({ images, noise: noise(NaN) }), DataError, 'data', 'noise', 'NaN')
    await expectError(() => vae.gradients({ images, noise: new Float32Array(6) }), ShapeError, 'shape', 'noise')
    const bits = () => vae.gradients({ images, noise: noise(0.5), freeBits: 0.1 })
    await expectError(bits, SpecError, 'spec', 'gradients.freeBits', 'no sum over dimensions')
    assert.ok((await vae.gradients({ images, noise: noise(1e-30) })).loss.total > 0)
  }))

sphere.run()
refusals.run()
