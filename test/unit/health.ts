import * as assert from 'uvu/assert'
import { extremeOf } from '../../src/train/culprit.js'
import { LossHealth } from '../../src/train/health.js'
import { hash, uniform } from '../reference/formula.js'
import { suite } from '../harness/suite.js'

const health = suite('the health of losses')
const extremes = suite('the tensor that goes first')

/** What a run of ordinary losses around a level says of one more. */
function after(level: number, spread: number, next: number): boolean {
  const losses = new LossHealth()
  for (let step = 0; step < 300; step++) losses.add(level + spread * (uniform(step, 1) - 0.5))
  return losses.add(next)
}

health('finds the ordinary sound, for positive and negative losses and around 0', () => {
  for (const [level, spread] of [[540, 60], [-2000, 300], [0, 50], [0.01, 0.001]]) {
    const losses = new LossHealth()
    for (let step = 0; step < 1000; step++) {
      assert.ok(losses.add(level + spread * (uniform(step, hash(level, 1)) - 0.5)), `step ${step} at ${level}`)
    }
  }
})

health('finds a falling loss sound, and one that grows by a tenth every step not', () => {
  const falling = new LossHealth()
  for (let step = 0; step < 500; step++) assert.ok(falling.add(100 + 440 * Math.exp(-step / 50)))
  const growing = new LossHealth()
  let grown = 0
  while (growing.add(500 * 1.1 ** grown)) grown++
  assert.ok(grown > 1 && grown < 60, `${grown} steps`)
})

health('finds what is not finite or over four times as large not sound', () => {
  for (const value of [NaN, Infinity, -Infinity, 2400, 1e30]) assert.not.ok(after(540, 60, value), `${value}`)
  assert.ok(after(540, 60, 2000))
  assert.not.ok(after(-2000, 300, 4500))
  assert.ok(after(-2000, 300, -9000), 'falling is never unsound')
})

health('takes a loss that stays higher for the usual one after some hundred steps', () => {
  const losses = new LossHealth()
  for (let step = 0; step < 100; step++) losses.add(500)
  let strange = 0
  while (!losses.add(50_000)) strange++
  assert.ok(strange > 50 && strange < 500, `${strange} steps`)
})

extremes('is the first with a value that is not finite, else that with the largest', () => {
  const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })
  assert.equal(extremeOf({ a: tensor(1, -3), b: tensor(2) }), { name: 'a', value: -3 })
  assert.equal(extremeOf({ a: tensor(1e30), b: tensor(2, -Infinity), c: tensor(NaN) }), { name: 'b', value: -Infinity })
  assert.is(extremeOf({}), undefined)
})

health.run()
extremes.run()
