import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { UNLABELED } from '../../src/index.js'
import { shuffledOrder } from '../../src/random.js'
import { Batches } from '../../src/train/batches.js'
import { adam } from '../../src/train/optimizers.js'
import type { TrainingState } from '../../src/train/state.js'

const test = suite('batches')

/** Of 23 images every fifth has a label. */
const set = {
  count: 23,
  shape: [1, 1, 1] as [number, number, number],
  images: new Uint8Array(23),
  labels: Uint8Array.from({ length: 23 }, (_, n) => (n % 5 === 0 ? 1 : UNLABELED)),
}

function begin(): TrainingState {
  return { optimizer: adam(), step: 0, epoch: 0, cursor: 0, seed: 4 }
}

/** The images of the next batches, moving the state on. */
function take(batches: Batches, state: TrainingState, count: number): number[][] {
  let order: Uint32Array = new Uint32Array()
  return Array.from({ length: count }, () => {
    order = batches.order(state) ?? order
    const { batch, cursor } = batches.next(state)
    assert.ok(order.length <= batches.entries)
    batches.advance(state, batch)
    return [...order.subarray(cursor, cursor + batch)]
  })
}

test('are the shuffled set, epoch after epoch', () => {
  const [batches, state] = [new Batches(set, 10), begin()]
  const taken = take(batches, state, 4)
  assert.equal(taken.slice(0, 3).flat(), [...shuffledOrder(23, 4, 0)])
  assert.equal(taken.map(({ length }) => length), [10, 10, 3, 10])
  assert.equal(taken[3], [...shuffledOrder(23, 4, 1)].slice(0, 10))
  assert.equal([state.epoch, state.cursor, state.step, batches.perEpoch], [1, 10, 4, 3])
})

test('have so many known labels each, taken round and round, and a pass over the others per epoch', () => {
  const [batches, state] = [new Batches(set, 6, 2), begin()]
  const taken = take(batches, state, 2 * batches.perEpoch)
  const isKnown = (image: number) => set.labels[image] !== UNLABELED
  assert.is(batches.perEpoch, 5) // 18 of unknown label, four at a time
  assert.equal(taken.map((images) => images.filter(isKnown).length), taken.map(() => 2))
  assert.equal(taken.map(({ length }) => length), [6, 6, 6, 6, 4, 6, 6, 6, 6, 4])
  const others = taken.slice(0, 5).flat().filter((image) => !isKnown(image))
  assert.equal(others.sort((a, b) => a - b), Array.from({ length: 23 }, (_, n) => n).filter((n) => n % 5 > 0))
  const known = taken.flat().filter(isKnown)
  for (const round of [0, 1, 2]) {
    assert.equal(known.slice(5 * round, 5 * round + 5).sort((a, b) => a - b), [0, 5, 10, 15, 20], `round ${round}`)
  }
  assert.is(state.labeledCursor, 20)
})

test('go on from any state as if nothing had been between', () => {
  const straight = take(new Batches(set, 6, 2), begin(), 12)
  for (const steps of [1, 4, 5, 7]) {
    const state = begin()
    const first = take(new Batches(set, 6, 2), state, steps)
    assert.equal([...first, ...take(new Batches(set, 6, 2), { ...state }, 12 - steps)], straight, `after ${steps}`)
  }
})

test('of known labels alone are a pass over those', () => {
  const [batches, state] = [new Batches(set, 3, 3), begin()]
  const taken = take(batches, state, 2)
  assert.equal(taken.flat().sort((a, b) => a - b), [0, 5, 10, 15, 20])
  assert.equal([state.epoch, state.labeledCursor], [1, undefined])
})

test.run()
