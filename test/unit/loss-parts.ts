import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shownMeans, shownParts, totalOf, type LossPart } from '../../src/model/loss-parts.js'
import { meanLosses } from '../../src/schedule/step-queue.js'

const parts = suite('loss parts')

const PARTS: LossPart[] = [
  { name: 'reconstruction', weight: 1 },
  { name: 'kl', weight: 'klWeight' },
  { name: 'share', weight: 0, over: 'known' },
  { name: 'penalty', weight: 0.5 },
  { name: 'known', weight: 0 },
]

parts('the total weighs every part, and is the objective where there is one', () => {
  const means = { reconstruction: 4, kl: 2, share: 0.25, penalty: 6, known: 0.5 }
  assert.is(totalOf(PARTS, means, 3), 4 + 3 * 2 + 0.5 * 6)
  assert.is(totalOf(PARTS, { ...means, objective: 7 }, 3), 7)
})

parts('a share is of the images that it is over, which are not shown themselves', () => {
  const means = { reconstruction: 4, kl: 2, share: 0.25, penalty: 6, known: 0.5 }
  assert.equal(shownParts(PARTS), ['reconstruction', 'kl', 'share', 'penalty'])
  assert.equal(shownMeans(PARTS, means), { reconstruction: 4, kl: 2, share: 0.5, penalty: 6 })
  assert.equal(shownMeans(PARTS, { ...means, share: 0, known: 0 }), { reconstruction: 4, kl: 2, penalty: 6 })
})

parts('means are over the images of every slice, padding rows left out', () => {
  const rows = 4
  const ring = Float32Array.from([
    ...[1, 2, 3, 4], ...[10, 20, 30, 40], // a step in two slices
    ...[5, 6, 99, 99], ...[50, 60, 99, 99],
    ...[7, 99, 99, 99], ...[70, 99, 99, 99],
  ])
  const means = meanLosses(ring, [[4, 2], [1]], { rows, lossNames: ['reconstruction', 'penalty'] })
  assert.equal(means, [{ reconstruction: 3.5, penalty: 35 }, { reconstruction: 7, penalty: 70 }])
})

parts.run()
