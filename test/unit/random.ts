import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SpecError } from '../../src/errors.js'
import {
  normalPair, Random, shuffledOrder, STREAMS, streamKey, threefry2x32, threefryInto, uniformFromBits,
} from '../../src/random.js'

const random = suite('random')

// Random123 kat_vectors, threefry2x32 with 20 rounds: counter, key, result
const KNOWN_ANSWERS = [
  [0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xc4923a9c, 0x483df7a0],
]

random('threefry2x32 gives the published answers', () => {
  const out = new Uint32Array(2)
  for (const [counter0, counter1, key0, key1, first, second] of KNOWN_ANSWERS) {
    assert.equal(threefry2x32(key0, key1, counter0, counter1), [first, second])
    threefryInto(out, key0, key1, counter0, counter1)
    assert.equal([...out], [first, second])
  }
})

random('a uniform value uses the upper 24 bits and stays below 1', () => {
  assert.is(uniformFromBits(0), 0)
  assert.is(uniformFromBits(0xff), 0)
  assert.is(uniformFromBits(0x100), 2 ** -24)
  assert.is(uniformFromBits(0x80000000), 0.5)
  assert.is(uniformFromBits(0xffffffff), 1 - 2 ** -24)
  assert.is(Math.fround(uniformFromBits(0xffffffff)), uniformFromBits(0xffffffff))
})

random('normal values are finite at both ends of the uniform range', () => {
  for (const bits0 of [0, 0xffffffff]) {
    for (const bits1 of [0, 0x7fffffff, 0x80000000, 0xffffffff]) {
      for (const value of normalPair(bits0, bits1)) {
        assert.ok(Number.isFinite(value) && Math.abs(value) <= 5.78, `${bits0} ${bits1} gave ${value}`)
      }
    }
  }
})

random('100,000 uniform and normal values have the moments they should have', () => {
  const source = new Random(1, STREAMS.NOISE)
  const n = 100_000
  const uniform = moments(Array.from({ length: n }, () => source.uniform()))
  const normal = moments(Array.from({ length: n }, () => source.normal()))
  // bounds: five standard errors, √(variance of the summand / n)
  assert.ok(Math.abs(uniform.mean - 1 / 2) < 5 * Math.sqrt(1 / 12 / n), `uniform mean ${uniform.mean}`)
  assert.ok(Math.abs(uniform.variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / n), `uniform variance ${uniform.variance}`)
  assert.ok(Math.abs(normal.mean) < 5 * Math.sqrt(1 / n), `normal mean ${normal.mean}`)
  assert.ok(Math.abs(normal.variance - 1) < 5 * Math.sqrt(2 / n), `normal variance ${normal.variance}`)
  assert.ok(Math.abs(normal.fourth - 3) < 5 * Math.sqrt(96 / n), `normal fourth moment ${normal.fourth}`)
})

random('whole numbers below a bound are equally frequent', () => {
  const source = new Random(2, STREAMS.SHUFFLE)
  const n = 70_000
  const counts = new Array<number>(7).fill(0)
  for (let i = 0; i < n; i++) counts[source.integer(7)]++
  const chiSquare = counts.reduce((sum, count) => sum + (count - n / 7) ** 2 / (n / 7), 0)
  assert.ok(chiSquare < 22.5, `χ² ${chiSquare}, 99.9 % of fair draws stay below 22.5 at 6 degrees of freedom`)
  assert.is(source.integer(1), 0)
  const large = source.integer(2 ** 32)
  assert.ok(large >= 0 && large < 2 ** 32)
})

random('seed, stream, position and index all change the numbers', () => {
  const first = (seed: number, stream: (typeof STREAMS)[keyof typeof STREAMS], position: number) =>
    new Random(seed, stream, position).bits()
  const seen = new Set([
    first(5, STREAMS.NOISE, 0),
    first(5 + 2 ** 32, STREAMS.NOISE, 0),
    first(6, STREAMS.NOISE, 0),
    first(5, STREAMS.INIT, 0),
    first(5, STREAMS.NOISE, 1),
  ])
  assert.is(seen.size, 5)
})

random('no two streams of any seed share a key', () => {
  const streams = Object.values(STREAMS)
  assert.is(new Set(streams).size, streams.length)
  const keys = [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
    .flatMap((seed) => streams.map((stream) => streamKey(seed, stream).join()))
  assert.is(new Set(keys).size, keys.length)
  assert.equal(streamKey(Number.MAX_SAFE_INTEGER, STREAMS.INIT), [0xffffffff, 0x011fffff])
})

random('a seed that is negative, broken or too large is refused', () => {
  for (const seed of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => streamKey(seed, STREAMS.INIT), (error: unknown) =>
      error instanceof SpecError && error.path === 'seed' && error.message.includes(String(seed)))
  }
})

random('a shuffled order holds every index once and depends on seed and epoch alone', () => {
  const order = shuffledOrder(1000, 7, 3)
  assert.equal([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i))
  assert.equal(order, shuffledOrder(1000, 7, 3))
  assert.not.equal(order, shuffledOrder(1000, 7, 4))
  assert.not.equal(order, shuffledOrder(1000, 8, 3))
  assert.equal([...shuffledOrder(1, 7, 0)], [0])
  assert.is(shuffledOrder(0, 7, 0).length, 0)
})

random('all orders of four are equally frequent over 24,000 epochs', () => {
  const counts = new Map<string, number>()
  for (let epoch = 0; epoch < 24_000; epoch++) {
    const order = shuffledOrder(4, 11, epoch).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  assert.is(counts.size, 24)
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
  assert.ok(chiSquare < 49.8, `χ² ${chiSquare}, 99.9 % of fair draws stay below 49.8 at 23 degrees of freedom`)
})

random.run()

function moments(values: number[]): { mean: number, variance: number, fourth: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const central = (power: number) => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / values.length
  return { mean, variance: central(2), fourth: central(4) }
}
