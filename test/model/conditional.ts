import * as assert from 'uvu/assert'
import { adam, glyphs, type VaeSpec } from '../../src/index.js'
import { gpuTest } from '../harness/gpu.js'
import { suite } from '../harness/suite.js'
import { bytesToFloats } from '../reference/formula.js'
import { accuracy, Classifier } from '../support/classifier.js'
import { SMALL, withEngine } from '../support/engine.js'

const conditional = suite('conditional model')

const spec: VaeSpec = {
  ...SMALL,
  encoder: [{ type: 'dense', units: 64, activation: 'relu' }],
  decoder: [
    { type: 'dense', units: 64, activation: 'relu' },
    { type: 'dense', units: 784 },
  ],
  classes: 10,
}

gpuTest(conditional, 'draws the digit that its label names: a classifier recognises nine in ten', ({ device }) =>
  withEngine(device, async (engine) => {
    const judge = Classifier.train(glyphs({ count: 1000, seed: 1 }), 10, 6, 0.02)
    const others = glyphs({ count: 500, seed: 2 })
    const able = accuracy(judge.classify(bytesToFloats(others.images)), others.labels!)
    assert.ok(able > 0.92, `the classifier recognises ${100 * able} % of drawn digits that it has not seen`)

    const labels = Array.from({ length: 500 }, (_, n) => n % 10)
    const vae = await engine.createVae(spec, { seed: 1 })
    const recognised = async () => accuracy(judge.classify((await vae.sample(500, { labels, seed: 5 })).data), labels)
    const before = await recognised()
    assert.ok(before < 0.3, `${100 * before} % are recognised before any training`)
    const optimizer = adam({ learningRate: 5e-3 })
    await vae.train(glyphs({ count: 2000, seed: 3 }), { steps: 300, batchSize: 50, optimizer }).done
    const after = await recognised()
    assert.ok(after >= 0.9, `${100 * after} % are recognised, chance is 10 %`)
  }))

gpuTest(conditional, 'reads the label of every row, in encoding and in decoding', ({ device }) =>
  withEngine(device, async (engine) => {
    const vae = await engine.createVae(spec, { seed: 1 })
    const { images, labels } = glyphs({ count: 20, seed: 1 })
    const own = { labels: labels! }
    const pixels = bytesToFloats(images)
    const { mean } = await vae.encode(pixels, own)
    assert.equal(await vae.decode(mean, own), await vae.reconstruct(pixels, own))
    const other = { labels: Array.from(labels!, (label) => (label + 1) % 10) }
    const [same, changed] = [await vae.decode(mean, own), await vae.decode(mean, other)]
    for (let n = 0; n < 20; n++) {
      const differs = same.data.subarray(784 * n, 784 * n + 784).some((value, i) => value !== changed.data[784 * n + i])
      assert.ok(differs, `image ${n} does not depend on its label`)
    }
    assert.not.equal((await vae.encode(pixels, other)).mean, mean)
  }))

conditional.run()
