import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { UNLABELED, type VaeSpec } from '../../src/index.js'
import { presets } from '../../src/model/presets.js'
import { auroc, extremes } from '../../src/tools/train/anomaly.js'
import { accuracyOf, chosen, classifierAlone, fewLabels, labeledOnly } from '../../src/tools/train/labels.js'
import { Random, STREAMS } from '../../src/random.js'
import { checkSpec } from '../../src/model/check.js'

const test = suite('anomalies and few labels')

test('the area under the curve is the share of pairs in the right order, ties counting half', () => {
  const random = new Random(1, STREAMS.GLYPHS)
  const scores = Array.from({ length: 200 }, () => random.integer(20))
  const isAnomaly = (image: number) => image % 3 === 0
  let [wins, pairs] = [0, 0]
  for (let a = 0; a < 200; a++) {
    for (let b = 0; b < 200; b++) {
      if (!isAnomaly(a) || isAnomaly(b)) continue
      pairs++
      wins += scores[a] > scores[b] ? 1 : scores[a] === scores[b] ? 0.5 : 0
    }
  }
  assert.ok(Math.abs(auroc(scores, isAnomaly) - wins / pairs) < 1e-12)
  assert.is(auroc([1, 2, 3, 4], (image) => image >= 2), 1)
  assert.is(auroc([1, 2, 3, 4], (image) => image < 2), 0)
})

test('the extremes are the highest scores and the lowest', () => {
  assert.equal(extremes([5, 1, 9, 7, 3], 2), { most: [2, 3], least: [1, 4] })
})

test('few labels are as many of each class, and the rest unknown', () => {
  const labels = Uint8Array.from([2, 0, 0, 1, 2, 0, 1, 1, 0])
  const few = fewLabels(labels, 4)
  assert.equal([...few], [2, 0, 0, 1, ...Array(5).fill(UNLABELED)])
  assert.equal([...fewLabels(labels, 9)], [...labels])
  const set = { shape: [1, 1, 1] as [number, number, number], count: 9, images: labels.map((l) => 10 * l), labels: few }
  assert.equal([...labeledOnly(set).images], [20, 0, 0, 10])
  assert.equal([...chosen({ ...set, labels }, (label) => label === 1).images], [10, 10, 10])
})

test('accuracy is the share of rows whose largest probability is the label\'s', () => {
  assert.is(accuracyOf(Float32Array.of(0.7, 0.3, 0.2, 0.8, 0.6, 0.4), Uint8Array.of(0, 1, 1)), 2 / 3)
})

test('a classifier alone keeps its layers and what it reads', () => {
  const alone: VaeSpec = classifierAlone(presets.semiSupervised)
  const names = checkSpec(alone).parameters().map(({ name, shape }) => `${name} ${shape}`)
  assert.ok(names.includes('classifier.0.weight 500,784') && names.includes('encoder.0.weight 1,794'))
})

test.run()
