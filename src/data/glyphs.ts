import { describe, isWhole, readOptions, readWhole } from '../checks.js'
import { DataError } from '../errors.js'
import { Random, STREAMS } from '../random.js'
import { dataset, type Dataset } from './dataset.js'
import { GLYPH_FORMS, type GlyphForm } from './glyph-forms.js'

const SIDE = 28
const EDGE = 0.75       // half the width of the soft edge of a stroke, in pixels
const SPAN_STEPS = 5    // straight pieces between two points of a stroke
const MARGIN = 1        // the ink keeps this far from the border, in pixels

/** Most images of a set: 2 GiB of pixels. */
const MOST_IMAGES = Math.floor(2 ** 31 / (SIDE * SIDE))

/** Which digits to draw. */
export interface GlyphOptions {
  count: number
  /** 0 unless given. */
  seed?: number
}

/**
 * Drawn digits: `count` grey images of 28 × 28 × 1 with labels 0–9, made on the spot, without a download. Each is one
 * of a few ways to write its digit, with random slant, turn, width, size, place, weight of the pen, bend and
 * unsteadiness; centred by its ink in a box of about 20 × 20 pixels, as MNIST's are.
 *
 * Every ten images from the start hold each digit once, in random order. Image i depends on `seed` and i alone, so a
 * shorter set is the beginning of a longer one. Only +, −, ×, ÷ and square roots are used, which every JavaScript
 * engine rounds alike: the same seed gives the same bytes everywhere.
 *
 * Throws DataError unless `count` is a whole number from 1 to 2,739,137 (2 GiB of pixels), SpecError for a seed that cannot
 * be.
 */
export function glyphs(options: GlyphOptions): Dataset<Uint8Array> {
  const { count, seed } = readGlyphOptions(options)
  const images = new Uint8Array(count * SIDE * SIDE)
  const labels = balancedLabels(count, seed)
  const pen = new Pen()
  for (let image = 0; image < count; image++) {
    writeDigit(pen, labels[image], new Random(seed, STREAMS.GLYPHS, image))
    pen.develop(images.subarray(image * SIDE * SIDE, (image + 1) * SIDE * SIDE))
  }
  return dataset({ images, shape: [SIDE, SIDE, 1], labels })
}

function readGlyphOptions(options: GlyphOptions): Required<GlyphOptions> {
  const { count, seed = 0 } = readOptions<GlyphOptions>(options, 'glyphs', { count: true, seed: true })
  if (!isWhole(count, 1, MOST_IMAGES)) {
    throw new DataError(`glyphs: count needs a whole number from 1 to ${MOST_IMAGES}, got ${describe(count)}`)
  }
  return { count, seed: readWhole(seed, 'glyphs.seed', 0) }
}

function balancedLabels(count: number, seed: number): Uint8Array {
  const labels = new Uint8Array(count)
  for (let start = 0; start < count; start += 10) {
    const random = new Random(seed, STREAMS.GLYPH_LABELS, start / 10)
    const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    for (let place = 0; place < 10 && start + place < count; place++) {
      labels[start + place] = digits.splice(random.integer(digits.length), 1)[0]
    }
  }
  return labels
}

/** Puts the strokes of one digit, as this hand happens to write it, onto the empty pen field. */
function writeDigit(pen: Pen, digit: number, random: Random): void {
  const form = pick(GLYPH_FORMS[digit], random)
  const unsteady = 0.02 + 0.045 * random.uniform()
  const points = form.points.map(([x, y]) => [x / 100 + unsteady * bell(random), y / 100 + unsteady * bell(random)])
  const slant = 0.14 + 0.25 * bell(random)
  const turn = 0.09 * bell(random)
  const width = Math.max(0.6, 1.1 + 0.19 * bell(random))
  const bendX = 0.09 * bell(random)
  const bendY = 0.06 * bell(random)
  const waist = 0.09 * bell(random)
  const drop = 0.09 * bell(random)
  const radius = Math.max(0.7, 1.3 + 0.36 * bell(random))
  const size = 20 + 0.7 * bell(random) - 2 * radius
  const pressure = 0.15 * bell(random)
  const cosine = 1 / Math.sqrt(1 + turn * turn)
  const sine = turn * cosine

  pen.begin()
  for (const stroke of form.strokes) {
    const path = stroke.map((index) => points[index])
    const last = path.length - 1
    if (isFree(form, stroke[0])) loosenEnd(path, 0, 1, 0.1 * bell(random))
    if (isFree(form, stroke[last])) loosenEnd(path, last, last - 1, 0.1 * bell(random))
    pen.curve(path)
  }
  pen.warp((x, y) => {
    const bentX = width * x * (1 + waist * y) + bendX * (1 - 2 * y * y) - slant * y
    const bentY = y + bendY * (1 - 2 * x * x) + drop * (1 - y * y)
    return [cosine * bentX - sine * bentY, sine * bentX + cosine * bentY]
  })
  pen.fit(size, radius * (1 + Math.abs(pressure)), 0.35 * bell(random), 0.35 * bell(random))
  pen.ink(radius, pressure)
}

/** About normal: mean 0, deviation 1, within ±3. The sum of three uniform values, so no logarithm or cosine. */
function bell(random: Random): number {
  return 2 * (random.uniform() + random.uniform() + random.uniform()) - 3
}

function pick(forms: readonly GlyphForm[], random: Random): GlyphForm {
  let rest = random.uniform() * forms.reduce((sum, form) => sum + form.weight, 0)
  return forms.find((form) => (rest -= form.weight) < 0) ?? forms[0]
}

/** Whether no other stroke is joined at this point. */
function isFree(form: GlyphForm, index: number): boolean {
  return form.strokes.reduce((uses, stroke) => uses + stroke.filter((other) => other === index).length, 0) === 1
}

/** Lengthens or shortens a stroke at one end, along its own direction there. */
function loosenEnd(path: number[][], end: number, neighbour: number, amount: number): void {
  const [x, y] = path[end]
  const dx = x - path[neighbour][0]
  const dy = y - path[neighbour][1]
  const length = Math.sqrt(dx * dx + dy * dy) + 1e-6
  path[end] = [x + (amount * dx) / length, y + (amount * dy) / length]
}

/** Strokes as short straight pieces, and the field of 28 × 28 pixels they are inked on. */
class Pen {
  readonly #x = new Float64Array(512)
  readonly #y = new Float64Array(512)
  /** 1 where the pen was lifted before this point. */
  readonly #lifted = new Uint8Array(512)
  #length = 0
  /** How far inside the stroke a pixel's centre lies, in pixels. */
  readonly #depth = new Float64Array(SIDE * SIDE)

  begin(): void {
    this.#length = 0
    this.#depth.fill(-EDGE)
  }

  /** A smooth stroke through the points: a uniform Catmull–Rom spline, its end points mirrored. */
  curve(path: number[][]): void {
    const last = path.length - 1
    this.#add(path[0][0], path[0][1], 1)
    for (let i = 0; i < last; i++) {
      const [bx, by] = path[i]
      const [cx, cy] = path[i + 1]
      const [ax, ay] = i > 0 ? path[i - 1] : [2 * bx - cx, 2 * by - cy]
      const [dx, dy] = i + 2 <= last ? path[i + 2] : [2 * cx - bx, 2 * cy - by]
      for (let step = 1; step <= SPAN_STEPS; step++) {
        const t = step / SPAN_STEPS
        this.#add(spline(ax, bx, cx, dx, t), spline(ay, by, cy, dy, t), 0)
      }
    }
  }

  warp(map: (x: number, y: number) => number[]): void {
    for (let i = 0; i < this.#length; i++) {
      const [x, y] = map(this.#x[i], this.#y[i])
      this.#x[i] = x
      this.#y[i] = y
    }
  }

  /**
   * Scales the longer side to `size` pixels and puts the centre of the ink into the middle, off by (shiftX, shiftY).
   * `radius` is the largest the strokes will be inked with.
   */
  fit(size: number, radius: number, shiftX: number, shiftY: number): void {
    const spanX = measure(this.#x, this.#y, this.#lifted, this.#length)
    const spanY = measure(this.#y, this.#x, this.#lifted, this.#length)
    const scale = size / Math.max(spanX.high - spanX.low, spanY.high - spanY.low)
    place(this.#x, this.#length, spanX, scale, radius, shiftX)
    place(this.#y, this.#length, spanY, scale, radius, shiftY)
  }

  /** Draws the strokes: `radius` in pixels, growing by `pressure` (a fraction) from the first point to the last. */
  ink(radius: number, pressure: number): void {
    for (let i = 1; i < this.#length; i++) {
      if (this.#lifted[i] === 0) this.#inkPiece(i, radius * (1 + pressure * ((2 * i) / this.#length - 1)))
    }
  }

  /** Writes the field as bytes: 255 inside a stroke, falling to 0 over its soft edge. */
  develop(bytes: Uint8Array): void {
    for (let pixel = 0; pixel < bytes.length; pixel++) {
      const share = (this.#depth[pixel] + EDGE) / (2 * EDGE)
      bytes[pixel] = share >= 1 ? 255 : Math.round(255 * share * share * (3 - 2 * share))
    }
  }

  #add(x: number, y: number, lifted: number): void {
    this.#x[this.#length] = x
    this.#y[this.#length] = y
    this.#lifted[this.#length++] = lifted
  }

  /** The piece from point i − 1 to point i; only the pixels that it can reach are looked at. */
  #inkPiece(i: number, radius: number): void {
    const ax = this.#x[i - 1]
    const ay = this.#y[i - 1]
    const dx = this.#x[i] - ax
    const dy = this.#y[i] - ay
    const perSquare = 1 / (dx * dx + dy * dy + 1e-12)
    const reach = radius + EDGE
    const left = Math.max(Math.floor(Math.min(ax, ax + dx) - reach), 0)
    const right = Math.min(Math.ceil(Math.max(ax, ax + dx) + reach), SIDE)
    const top = Math.max(Math.floor(Math.min(ay, ay + dy) - reach), 0)
    const bottom = Math.min(Math.ceil(Math.max(ay, ay + dy) + reach), SIDE)
    for (let row = top; row < bottom; row++) {
      const py = row + 0.5 - ay
      for (let column = left; column < right; column++) {
        const px = column + 0.5 - ax
        const along = Math.min(Math.max((px * dx + py * dy) * perSquare, 0), 1)
        const offX = px - along * dx
        const offY = py - along * dy
        const depth = radius - Math.sqrt(offX * offX + offY * offY)
        const pixel = row * SIDE + column
        if (depth > this.#depth[pixel]) this.#depth[pixel] = depth
      }
    }
  }
}

interface Span { low: number, high: number, centre: number }

/** Extent of the drawing along one axis and the centre of its ink, every piece weighted by its length. */
function measure(axis: Float64Array, other: Float64Array, lifted: Uint8Array, length: number): Span {
  let low = axis[0]
  let high = axis[0]
  let moment = 0
  let ink = 1e-12
  for (let i = 1; i < length; i++) {
    low = Math.min(low, axis[i])
    high = Math.max(high, axis[i])
    if (lifted[i] === 1) continue
    const d = axis[i] - axis[i - 1]
    const e = other[i] - other[i - 1]
    const piece = Math.sqrt(d * d + e * e)
    moment += piece * (axis[i] + axis[i - 1]) * 0.5
    ink += piece
  }
  return { low, high, centre: moment / ink }
}

/** Maps an axis to pixels; the shift gives way where the ink would come too close to the border. */
function place(axis: Float64Array, length: number, span: Span, scale: number, radius: number, shift: number): void {
  const room = MARGIN + radius
  const lowest = room - scale * span.low
  const highest = SIDE - room - scale * span.high
  const offset = Math.min(Math.max(SIDE / 2 - scale * span.centre + shift, lowest), highest)
  for (let i = 0; i < length; i++) axis[i] = scale * axis[i] + offset
}

function spline(a: number, b: number, c: number, d: number, t: number): number {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
}
