import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fromMap, graticule, toMap } from '../../src/tools/drawing/sphere-map.js'
import { Random, STREAMS } from '../../src/random.js'

const map = suite('map of the sphere')

const random = new Random(1, STREAMS.SAMPLE)

/** Uniform on the sphere. */
const points = Array.from({ length: 40_000 }, () => {
  const point = [random.normal(), random.normal(), random.normal()]
  return point.map((value) => value / Math.hypot(...point))
})

map('leads from the sphere into the ellipse and back', () => {
  for (const point of points.slice(0, 1000)) {
    const [across, up] = toMap(point)
    assert.ok(across ** 2 + up ** 2 <= 1 + 1e-12, `${point} at ${across}, ${up}`)
    const back = fromMap(across, up)!
    assert.ok(Math.hypot(...back.map((value, i) => value - point[i])) < 1e-6, `${point} comes back as ${back}`)
  }
  assert.is(fromMap(0.8, 0.7), undefined)
  const expected: [number[], number[]][] = [
    [[1, 0, 0], [0, 0]],
    [[0, 0, 1], [0, 1]],
    [[0, 0, -1], [0, -1]],
    [[-1, 1e-12, 0], [1, 0]],
  ]
  for (const [point, place] of expected) {
    const [across, up] = toMap(point)
    assert.ok(Math.hypot(across - place[0], up - place[1]) < 1e-6, `${point} at ${across}, ${up}`)
  }
})

map('keeps areas: points that are even on the sphere are even on the map', () => {
  const [columns, rows] = [8, 8]
  const counts = new Float64Array(columns * rows)
  for (const point of points) {
    const [across, up] = toMap(point)
    counts[Math.floor(((up + 1) / 2) * rows) * columns + Math.floor(((across + 1) / 2) * columns)]++
  }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const far = [2 * column, 2 * column + 2].map((at) => Math.abs(at / columns - 1))
      const high = [2 * row, 2 * row + 2].map((at) => Math.abs(at / rows - 1))
      if (Math.hypot(Math.max(...far), Math.max(...high)) > 1) continue // in part outside the ellipse
      const expected = (points.length * 4) / (columns * rows) / Math.PI // 796, which strays by 28
      const count = counts[row * columns + column]
      assert.ok(Math.abs(count - expected) < 140, `${count} in row ${row}, column ${column}, expected ${expected}`)
    }
  }
})

map('has eleven meridians and five parallels inside the ellipse', () => {
  const lines = graticule()
  assert.is(lines.length, 16)
  for (const [across, up] of lines.flat()) assert.ok(across ** 2 + up ** 2 <= 1 + 1e-9, `${across}, ${up}`)
})

map.run()
