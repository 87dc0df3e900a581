import { createHash } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { glyphs } from '../../src/data/glyphs.js'
import { GLYPH_FORMS } from '../../src/data/glyph-forms.js'
import { DataError, SpecError } from '../../src/errors.js'

const SIDE = 28
const suiteOfGlyphs = suite('glyphs')

suiteOfGlyphs('are grey images of 28 × 28 with a label each', () => {
  const { shape, count, images, labels } = glyphs({ count: 25, seed: 1 })
  assert.equal(shape, [SIDE, SIDE, 1])
  assert.is(count, 25)
  assert.is(images.length, 25 * SIDE * SIDE)
  assert.is(labels?.length, 25)
})

suiteOfGlyphs('are the same bytes for the same seed, on every engine and for every count', () => {
  const set = glyphs({ count: 200, seed: 1 })
  const hash = createHash('sha256').update(set.images).update(set.labels!).digest('hex')
  assert.is(hash, '5103a539fdf5c9f704faa5e1cc748190c0b17a10e1350c9d014c8ba9f0d1ca3c')
  const shorter = glyphs({ count: 33, seed: 1 })
  assert.equal(shorter.images, set.images.subarray(0, 33 * SIDE * SIDE))
  assert.equal(shorter.labels, set.labels!.subarray(0, 33))
  assert.not.equal(glyphs({ count: 33, seed: 2 }).images, shorter.images)
  assert.equal(glyphs({ count: 3 }), glyphs({ count: 3, seed: 0 }))
})

suiteOfGlyphs('hold each digit once in every ten, not always in the same order', () => {
  const labels = glyphs({ count: 500, seed: 4 }).labels!
  const orders = new Set<string>()
  for (let start = 0; start < 500; start += 10) {
    const ten = [...labels.subarray(start, start + 10)]
    orders.add(ten.join())
    assert.equal(ten.sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  }
  assert.ok(orders.size > 45)
})

suiteOfGlyphs('are all different, inked like handwriting, and off the border', () => {
  const count = 2000
  const { images } = glyphs({ count, seed: 9 })
  const seen = new Set<string>()
  for (let image = 0; image < count; image++) {
    const pixels = images.subarray(image * SIDE * SIDE, (image + 1) * SIDE * SIDE)
    seen.add(pixels.join())
    const ink = pixels.reduce((sum, value) => sum + value / 255, 0)
    assert.ok(ink > 18 && ink < 320, `image ${image} has ${ink} pixels of ink`)
    assert.ok(Math.max(...pixels) > 150, `image ${image} is faint`)
    for (let i = 0; i < SIDE; i++) {
      const border = Math.max(pixels[i], pixels[SIDE * (SIDE - 1) + i], pixels[SIDE * i], pixels[SIDE * i + SIDE - 1])
      assert.ok(border < 128, `image ${image} runs over the border`)
    }
  }
  assert.is(seen.size, count)
})

suiteOfGlyphs('tell their digits apart: the nearest of 2,000 names 9 of 10 others rightly', () => {
  const known = glyphs({ count: 2000, seed: 1 })
  const asked = glyphs({ count: 200, seed: 2 })
  let right = 0
  for (let image = 0; image < asked.count; image++) {
    if (known.labels![nearest(known.images, asked.images, image)] === asked.labels![image]) right++
  }
  assert.ok(right >= 180, `${right} of 200`)
})

suiteOfGlyphs('refuse a count or a seed that cannot be', () => {
  for (const count of [0, -1, 1.5, NaN]) {
    assert.throws(() => glyphs({ count }), (error: unknown) => error instanceof DataError)
  }
  assert.throws(() => glyphs({ count: 1, seed: -1 }), (error: unknown) => error instanceof SpecError)
})

suiteOfGlyphs('have forms whose strokes use every point and stay in the box', () => {
  assert.is(GLYPH_FORMS.length, 10)
  for (const [digit, forms] of GLYPH_FORMS.entries()) {
    for (const [f, { points, strokes }] of forms.entries()) {
      const used = new Set(strokes.flat())
      assert.equal([...used].sort((a, b) => a - b), points.map((_, i) => i), `digit ${digit}, form ${f}`)
      assert.ok(points.every(([x, y]) => Math.abs(x) <= 100 && Math.abs(y) <= 100), `digit ${digit}, form ${f}`)
    }
  }
})

suiteOfGlyphs.run()

function nearest(known: Uint8Array, asked: Uint8Array, image: number): number {
  const size = SIDE * SIDE
  let best = Infinity
  let at = 0
  for (let other = 0; other < known.length / size; other++) {
    let distance = 0
    for (let i = 0; i < size && distance < best; i++) {
      distance += (known[other * size + i] - asked[image * size + i]) ** 2
    }
    if (distance < best) {
      best = distance
      at = other
    }
  }
  return at
}
