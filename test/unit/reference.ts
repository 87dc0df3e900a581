import * as assert from 'uvu/assert'
import { checkSpec } from '../../src/model/check.js'
import { presets } from '../../src/model/presets.js'
import { ACTIVATIONS } from '../../src/ops/activation.js'
import type { Padding } from '../../src/model/spec.js'
import {
  CONV_FIXTURES, DENSE_FIXTURES, formulaBatch, formulaModel, loadModelFixture, loadOptimizerFixture, loadPresetFixtures,
  loadObjectiveFixtures,
  loadTrainingFixtures,
} from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { activationBackward, activationForward, sigmoid } from '../reference/activation.js'
import { bernoulliBackward, bernoulliForward } from '../reference/bernoulli.js'
import { assertClose, norm, relativeError, worstDifference } from '../reference/compare.js'
import { convBackward, convForward, convOutput, type ConvShape } from '../reference/conv.js'
import { convTransposeBackward, convTransposeForward, convTransposeOutput } from '../reference/conv-transpose.js'
import { denseBackward, denseForward } from '../reference/dense.js'
import { centralDifferences } from '../reference/differences.js'
import { flatten, unflatten } from '../reference/flatten.js'
import { blobBytes, hash, normalArray, seedOf, uniformArray } from '../reference/formula.js'
import { importanceBackward, importanceForward, sampledKl } from '../reference/importance.js'
import { klBackward, klForward, reparameterizeBackward, reparameterizeForward } from '../reference/latent.js'
import { referenceDecode, referenceEncode, referenceGradients, referenceLoss } from '../reference/model.js'
import { ReferenceTrainer } from '../reference/train.js'
import { convWindow, transposeWindow } from '../reference/window.js'
import { checkBackward, DIFFERENCES } from '../support/derivatives.js'

type Values = ArrayLike<number>

/** What fixtures round to: 32 bits a value. */
const ROUNDING = 2e-7

/** −Σ x log p + (1 − x) log(1 − p) */
function crossEntropy(p: Float64Array, x: Values): number {
  return p.reduce((sum, p, i) => sum - x[i] * Math.log(p) - (1 - x[i]) * Math.log(1 - p), 0)
}

const reference = suite('reference')

reference('dense: the backward pass is the derivative, at B=3 I=5 O=2', () => {
  const shape = { B: 3, I: 5, O: 2 }
  const [x, w, b] = [normalArray(15, 1), normalArray(10, 2), normalArray(2, 3)]
  checkBackward('dx', (p) => denseForward(p, w, b, shape), x, (dy) => denseBackward(x, w, dy, shape).dx)
  checkBackward('dw', (p) => denseForward(x, p, b, shape), w, (dy) => denseBackward(x, w, dy, shape).dw)
  checkBackward('db', (p) => denseForward(x, w, p, shape), b, (dy) => denseBackward(x, w, dy, shape).db)
})

for (const activation of ACTIVATIONS) {
  const from = activation === 'silu' ? 'input' : 'output'
  reference(`${activation}: the derivative taken from the ${from} is the derivative`, () => {
    const v = normalArray(50, 4)
    const y = from === 'input' ? v : activationForward(v, activation)
    checkBackward('dv', (p) => activationForward(p, activation), v, (dy) => activationBackward(y, dy, activation))
  })
}

const PADDINGS: Padding[] = ['same', 0, 1, 2]
const SIZES = [[1, 1, 1], [7, 4, 3], [5, 6, 2]] as const // H, W, largest kernel side that fits without padding

for (const padding of PADDINGS) {
  for (const S of [1, 2, 3]) {
    reference(`conv and conv-transpose: backward is the derivative at stride ${S}, padding ${padding}`, () => {
      for (const [H, W, K] of SIZES) {
        for (const [Kh, Kw] of [[K, Math.max(1, K - 1)], [1, K]]) {
          const shape: ConvShape = { B: 2, H, W, Ci: 2, Co: 3, Kh, Kw, S, padding }
          const x = normalArray(2 * H * W * 2, 5)
          const w = normalArray(3 * 2 * Kh * Kw, 6)
          const b = normalArray(3, 7)
          const what = `H${H} W${W} Kh${Kh} Kw${Kw}`
          const { Ho, Wo } = convOutput(shape)
          assert.is(convForward(x, w, b, shape).length, 2 * Ho * Wo * 3)
          checkBackward(`${what} dx`, (p) => convForward(p, w, b, shape), x, (dy) => convBackward(x, w, dy, shape).dx)
          checkBackward(`${what} dw`, (p) => convForward(x, p, b, shape), w, (dy) => convBackward(x, w, dy, shape).dw)
          checkBackward(`${what} db`, (p) => convForward(x, w, p, shape), b, (dy) => convBackward(x, w, dy, shape).db)
          const transposed = convTransposeOutput(shape)
          if (transposed.Ho < 1 || transposed.Wo < 1) continue
          const forward = convTransposeForward
          const backward = (dy: Values) => convTransposeBackward(x, w, dy, shape)
          assert.is(forward(x, w, b, shape).length, 2 * transposed.Ho * transposed.Wo * 3)
          checkBackward(`${what} transposed dx`, (p) => forward(p, w, b, shape), x, (dy) => backward(dy).dx)
          checkBackward(`${what} transposed dw`, (p) => forward(x, p, b, shape), w, (dy) => backward(dy).dw)
          checkBackward(`${what} transposed db`, (p) => forward(x, w, p, shape), b, (dy) => backward(dy).db)
        }
      }
    })
  }
}

reference('conv-transpose: is the gradient of the convolution of its output size', () => {
  for (const padding of PADDINGS) {
    const shape: ConvShape = { B: 1, H: 3, W: 2, Ci: 3, Co: 2, Kh: 5, Kw: 4, S: 2, padding }
    const { Ho, Wo } = convTransposeOutput(shape)
    const conv: ConvShape = { ...shape, H: Ho, W: Wo, Ci: 2, Co: 3 }
    assert.equal(convOutput(conv), { Ho: 3, Wo: 2 })
    const [x, w] = [normalArray(18, 8), normalArray(120, 9)]
    const y = convTransposeForward(x, w, [0, 0], shape)
    assertClose(y, convBackward(y, w, x, conv).dx, 'y', 1e-12)
  }
})

reference('window: pads by the rule of TensorFlow, the smaller half first', () => {
  assert.equal(convWindow(28, 3, 1, 'same'), { output: 28, before: 1 })
  assert.equal(convWindow(28, 3, 2, 'same'), { output: 14, before: 0 }) // total 1
  assert.equal(convWindow(7, 3, 2, 'same'), { output: 4, before: 1 }) // total 2
  assert.equal(convWindow(5, 4, 1, 'same'), { output: 5, before: 1 }) // total 3
  assert.equal(convWindow(9, 2, 3, 'same'), { output: 3, before: 0 }) // total 0, not −1
  assert.equal(convWindow(8, 4, 2, 1), { output: 4, before: 1 })
  assert.equal(transposeWindow(14, 3, 2, 'same'), { output: 28, before: 0 })
  assert.equal(transposeWindow(4, 4, 2, 1), { output: 8, before: 1 })
})

reference('flatten: goes channel, row, column, and back', () => {
  const images = Float64Array.from({ length: 24 }, (_, i) => i) // B=2 H=2 W=3 C=2
  assert.equal([...flatten(images, [2, 3, 2])].slice(0, 12), [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11])
  assert.equal(unflatten(flatten(images, [2, 3, 2]), [2, 3, 2]), images)
})

reference('reparameterize and KL: the backward passes are the derivatives', () => {
  const [mean, logVariance, noise] = [normalArray(6, 1), normalArray(6, 2), normalArray(6, 3)]
  const sample = (dz: Values) => reparameterizeBackward(dz, logVariance, noise)
  const forward = reparameterizeForward
  checkBackward('dMean', (p) => forward(p, logVariance, noise), mean, (dz) => sample(dz).dMean)
  checkBackward('dLogVariance', (p) => forward(mean, p, noise), logVariance, (dz) => sample(dz).dLogVariance)
  const kl = klBackward(mean, logVariance)
  assertClose(kl.dMean, centralDifferences((p) => klForward(p, logVariance), mean), 'dMean', DIFFERENCES)
  assertClose(kl.dLogVariance, centralDifferences((p) => klForward(mean, p), logVariance), 'dLogVariance', DIFFERENCES)
  assert.is(klForward([0, 0], [0, 0]), 0)
})

reference('importance-weighted bound: the weights are its derivative, and it is log-mean-exp', () => {
  const losses = normalArray(12, 1).map((value) => 3 * value) // 4 images of 3 samples
  const differences = centralDifferences((p) => importanceForward(p, 3), losses)
  assertClose(importanceBackward(losses, 3), differences, 'weights', DIFFERENCES)
  const plain = -Math.log([0, 1, 2].reduce((sum, s) => sum + Math.exp(-losses[s]) / 3, 0))
  assertClose([importanceForward(losses.subarray(0, 3), 3)], [plain], 'bound', 1e-12)
  assert.is(importanceForward([900, 900], 2), 900)
  assertClose(importanceBackward([900, 900, -900, 0], 2), [0.5, 0.5, 1, 0], 'weights far out', 1e-12)
})

reference('sampled KL: is log q − log p of the sample', () => {
  const [mean, logVariance, noise] = [normalArray(6, 1), normalArray(6, 2), normalArray(6, 3)]
  const z = reparameterizeForward(mean, logVariance, noise)
  const log = (value: number, mu: number, v: number) => -0.5 * (v + (value - mu) ** 2 / Math.exp(v)) // and a constant
  const expected = z.reduce((sum, value, j) => sum + log(value, mean[j], logVariance[j]) - log(value, 0, 0), 0)
  assertClose([sampledKl(z, noise, logVariance)], [expected], 'kl', 1e-12)
})

for (const objective of [{ importanceSamples: 5 }, { freeBits: 0.08 }]) {
  reference(`${JSON.stringify(objective)}: gradients are the derivatives of the loss`, async () => {
    const { spec, parameters, images } = await loadModelFixture('dense-channels')
    const noise = normalArray(5 * 5 * 5, 4) // B=5 S=5 Z=5; free bits take the first of it
    const given = objective.importanceSamples ? noise : noise.subarray(0, 25)
    const { gradients, loss } = referenceGradients(spec, parameters, images.data, given, objective)
    const plain = referenceLoss(spec, parameters, images.data, noise.subarray(0, 25))
    assert.is.not(loss.total, plain.total, 'the objective makes no difference')
    for (const [key, { shape, data }] of Object.entries(parameters)) {
      const lossAt = (probe: Values) =>
        referenceLoss(spec, { ...parameters, [key]: { shape, data: probe } }, images.data, given, objective).total
      const differences = centralDifferences(lossAt, data, 1e-6, 6)
      const known = (_: number, i: number) => !Number.isNaN(differences[i])
      assertClose(gradients[key].data.filter(known), differences.filter(known), key, 1e-6, 1e-6)
    }
  })
}

for (const name of ['bound of dense-channels', 'bound of conv-residual', 'free bits of dense-channels']) {
  reference(`${name}: loss and gradients are those of PyTorch`, async () => {
    const { spec, batch, seed, objective, noise, loss, gradients } = (await loadObjectiveFixtures())[name]
    const { images } = formulaBatch(spec, batch, seed)
    const actual = referenceGradients(spec, formulaModel(spec, seed), images.data, noise.data, objective)
    assertClose(Object.values(actual.loss), Object.values(loss), 'loss', 1e-12, 1e-12)
    assert.equal(Object.keys(actual.gradients).sort(), Object.keys(gradients).sort())
    for (const [key, { data }] of Object.entries(gradients)) {
      const error = relativeError(actual.gradients[key].data, data)
      assert.ok(error < ROUNDING, `${key}: relative error ${error}`)
    }
  })
}

reference('Bernoulli loss: is the cross-entropy, has its derivative, and survives large logits', () => {
  const logits = normalArray(8, 1)
  const x = uniformArray(8, 2).map(Math.abs)
  assertClose([bernoulliForward(logits, x)], [crossEntropy(Float64Array.from(logits, sigmoid), x)], 'loss', 1e-12)
  const differences = centralDifferences((l) => bernoulliForward(l, x), logits)
  assertClose(bernoulliBackward(logits, x), differences, 'dl', DIFFERENCES)
  assert.is(bernoulliForward([800, -800, 800, -800], [1, 0, 0, 1]), 1600)
})

reference('formula: gives what Python gives', () => {
  assert.equal([hash(0, 0), hash(1, 0), hash(12345, 678)], [0, 1364076727, 2995293614])
  assert.is(seedOf('encoder.0.weight', 7), 3735975777)
  assert.equal([...uniformArray(2, 5, 0.3)], [-0.1301375925540924, -0.091144859790802])
  assert.equal([...normalArray(2, 5)], [-0.5961123704910278, 0.12906663119792938])
  assert.equal([...blobBytes(2, [4, 3, 2], 9)].slice(0, 10), [161, 231, 124, 243, 0, 192, 249, 184, 213, 213])
})

reference('compare: finds the worst element, and a NaN', () => {
  const worst = worstDifference([1, 2, 3.5], [1, 2.5, 3], 1, 0.1)
  assert.equal(worst, { index: 1, actual: 2, expected: 2.5, bound: 1.25, within: true })
  assert.is(worstDifference([1, NaN, 9], [1, 1, 1], 1).within, false)
  assert.throws(() => assertClose([1, 2], [1, 3], 'y', 0.1), /y\[1\] is 2, expected 3 ± 1.0e-1/)
  assert.is(relativeError([3, 0], [3, 4]), 0.8)
  assert.ok(Number.isNaN(relativeError([NaN], [1])))
})

for (const name of [...DENSE_FIXTURES, ...CONV_FIXTURES]) {
  reference(`${name}: loss and gradients are those of PyTorch`, async () => {
    const { spec, parameters, images, noise, loss, gradients } = await loadModelFixture(name)
    const actual = referenceGradients(spec, parameters, images.data, noise?.data)
    assertClose(Object.values(actual.loss), Object.values(loss), 'loss', 1e-12, 1e-12)
    assert.equal(Object.keys(actual.gradients).sort(), Object.keys(gradients).sort())
    for (const [key, { shape, data }] of Object.entries(gradients)) {
      assert.equal(actual.gradients[key].shape, shape, key)
      assert.ok(norm(data) > 0, `${key} has a gradient`)
      const error = relativeError(actual.gradients[key].data, data)
      assert.ok(error < ROUNDING, `${key}: relative error ${error}`)
    }
  })

  reference(`${name}: gradients are the derivatives of the loss`, async () => {
    const { spec, parameters, images, noise } = await loadModelFixture(name)
    const { gradients } = referenceGradients(spec, parameters, images.data, noise?.data)
    for (const [key, { shape, data }] of Object.entries(parameters)) {
      const lossAt = (probe: Values) =>
        referenceLoss(spec, { ...parameters, [key]: { shape, data: probe } }, images.data, noise?.data).total
      const differences = centralDifferences(lossAt, data, 1e-6, 6)
      const known = (_: number, i: number) => !Number.isNaN(differences[i])
      assertClose(gradients[key].data.filter(known), differences.filter(known), key, 1e-6, 1e-6)
    }
  })
}

reference('optimizers: parameters after each step are those of PyTorch', async () => {
  const { spec, parameters, batches, runs } = await loadOptimizerFixture()
  for (const { name, optimizer, steps } of runs) {
    const trainer = new ReferenceTrainer(spec, parameters, optimizer)
    steps.forEach((expected, step) => {
      const loss = trainer.step(batches[step].images.data, batches[step].noise.data)
      assertClose([loss.total], [expected.loss.total], `${name} loss ${step}`, 1e-12, 1e-12)
      for (const [key, { data }] of Object.entries(expected.parameters)) {
        assertClose(trainer.parameters[key].data, data, `${name} step ${step} ${key}`, 1e-9, ROUNDING)
      }
    })
  }
})

for (const name of ['mlp', 'mlpDeep', 'autoencoder', 'conv'] as const) {
  reference(`${name}: loss and gradients at full size are those of PyTorch`, async () => {
    const { spec, batch, seed, loss, gradients } = (await loadPresetFixtures())[name]
    assert.equal(checkSpec(presets[name]).parameters(), checkSpec(spec).parameters(), 'the fixture is of the preset')
    const { images, noise } = formulaBatch(spec, batch, seed)
    const actual = referenceGradients(spec, formulaModel(spec, seed), images.data, noise?.data)
    assertClose(Object.values(actual.loss), Object.values(loss), 'loss', 1e-12, 1e-12)
    for (const [key, expected] of Object.entries(gradients)) {
      const { data } = actual.gradients[key]
      assertClose([norm(data)], [expected.norm], `${key} norm`, 0, 1e-8)
      assertClose(expected.indices.map((i) => data[i]), expected.values, key, 1e-12, 1e-8)
    }
  })
}

reference('training: the first losses of mlp are those of PyTorch', async () => {
  const { spec, batch, seed, optimizer, losses } = (await loadTrainingFixtures()).mlp
  const trainer = new ReferenceTrainer(spec, formulaModel(spec, seed), optimizer)
  losses.slice(0, 8).forEach((expected, step) => {
    const { images, noise } = formulaBatch(spec, batch, seed + step)
    const loss = trainer.step(images.data, noise?.data)
    assertClose(Object.values(loss), Object.values(expected), `step ${step}`, 0, 1e-8)
  })
})

reference('encode and decode: are the two halves of the loss', async () => {
  const { spec, parameters, images, noise, loss } = await loadModelFixture('conv-residual')
  const { mean, logVariance } = referenceEncode(spec, parameters, images.data)
  const B = images.shape[0]
  assertClose([klForward(mean, logVariance!) / B], [loss.kl], 'kl', 1e-12)
  const p = referenceDecode(spec, parameters, reparameterizeForward(mean, logVariance!, noise!.data))
  assertClose([crossEntropy(p, images.data) / B], [loss.reconstruction], 'reconstruction', 1e-10)
})

reference.run()
