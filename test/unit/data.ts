import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cifar } from '../../src/data/cifar.js'
import { dataset, pixelValues, split, subset, take } from '../../src/data/dataset.js'
import { idx, parseIdx } from '../../src/data/idx.js'
import { DataError, FormatError, ShapeError } from '../../src/errors.js'
import { Random, STREAMS } from '../../src/random.js'

const data = suite('data')

data('dataset keeps bytes as they are, without a copy', () => {
  const images = Uint8Array.from({ length: 24 }, (_, i) => i)
  const set = dataset({ images, shape: [2, 3, 2], labels: [7, 255] })
  assert.is(set.images, images)
  assert.is(set.count, 2)
  assert.equal(set.shape, [2, 3, 2])
  assert.equal(set.labels, Uint8Array.of(7, 255))
  assert.not('labels' in dataset({ images, shape: [2, 3, 2] }))
  const clamped = dataset({ images: Uint8ClampedArray.from(images).subarray(12), shape: [2, 3, 2] })
  assert.equal(clamped.images, images.subarray(12))
  const buffer = dataset({ images: Buffer.from(images), shape: [2, 3, 2], labels: Buffer.of(1, 2) })
  assert.is(buffer.images.constructor, Uint8Array)
  assert.is(buffer.labels?.constructor, Uint8Array)
})

data('dataset rounds floats to the nearest 1/255', () => {
  const images = Float32Array.of(0, 1, 0.5, 1 / 255, 0.4 / 255, 0.6 / 255)
  assert.equal([...dataset({ images, shape: [1, 6, 1] }).images], [0, 255, 128, 1, 0, 1])
  const levels = Float32Array.from({ length: 256 }, (_, byte) => byte / 255)
  assert.equal([...dataset({ images: levels, shape: [16, 16, 1] }).images], Array.from({ length: 256 }, (_, i) => i))
})

data('dataset says both numbers when a length does not fit', () => {
  const images = new Uint8Array(25)
  throwsWith(() => dataset({ images, shape: [2, 3, 2] }), ShapeError, '25 values', '12 = 2 × 3 × 2')
  throwsWith(() => dataset({ images: new Uint8Array(0), shape: [2, 3, 2] }), ShapeError, 'empty', '12 = 2 × 3 × 2')
  throwsWith(() => dataset({ images, shape: [5, 5, 1], labels: [1, 2] }), ShapeError, '2 entries', 'needs 1')
  for (const shape of [[5, 5], [5, 5, 0], [5, 5, 0.5], [5, 5, 1, 1], null]) {
    throwsWith(() => dataset({ images, shape: shape as never }), ShapeError, 'height', JSON.stringify(shape))
  }
})

data('dataset names the first pixel that cannot be, and says what to do', () => {
  const withPixel = (value: number) => {
    const images = new Float32Array(3 * 12).fill(0.5)
    images[12 + 7] = value // image 1, row 1, column 0, channel 1
    images[30] = -3
    return () => dataset({ images, shape: [2, 3, 2] })
  }
  const where = 'image 1, row 1, column 0, channel 1'
  throwsWith(withPixel(255), DataError, '255 at', where, 'dividing by 255')
  throwsWith(withPixel(-0.5), DataError, '-0.5 at', where, '(x + 1) / 2')
  throwsWith(withPixel(NaN), DataError, 'NaN at', where)
  throwsWith(withPixel(Infinity), DataError, 'Infinity at', where)
})

data('dataset refuses labels and arrays of another kind', () => {
  const images = new Uint8Array(3)
  for (const bad of [-1, 256, 0.5, NaN]) {
    throwsWith(() => dataset({ images, shape: [1, 1, 1], labels: [0, bad, 0] }), DataError, 'labels[1]', String(bad))
  }
  throwsWith(() => dataset({ images: [0, 1] as never, shape: [1, 1, 1] }), DataError, 'Array')
  throwsWith(() => dataset({ images: undefined as never, shape: [1, 1, 1] }), DataError, 'undefined')
  throwsWith(() => dataset({ images, shape: [1, 1, 1], labels: new Int32Array(3) as never }), DataError, 'Int32Array')
})

data('dataset keeps real values as the floats they are, and views of them stay floats', () => {
  const values = Float32Array.of(-3.5, 1e30, 0, 255, 2 ** -149, -0.25)
  const set = dataset({ values, shape: [1, 1, 3], labels: [4, 5] })
  assert.is(set.images, values)
  assert.is(set.count, 2)
  const second = subset(set, 1)
  assert.equal(second.images, Float32Array.of(255, 2 ** -149, -0.25))
  assert.is(second.images.buffer, values.buffer)
  assert.equal([...second.labels!], [5])
  assert.ok(take(set, 1).images instanceof Float32Array)
  assert.equal(split(set, 0.5).map((part) => part.images[0]), [-3.5, 255])
  assert.equal(pixelValues(set, 1), second.images)
  assert.equal([...pixelValues(dataset({ images: Uint8Array.of(255, 0), shape: [1, 1, 1] }))], [1, 0])
})

data('dataset names the first value that is not finite, and refuses values of another kind', () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    const values = new Float32Array(36)
    values[12 + 7] = value
    const where = 'image 1, row 1, column 0, channel 1'
    throwsWith(() => dataset({ values, shape: [2, 3, 2] }), DataError, `values has ${value} at ${where}`)
  }
  const float64 = new Float64Array(3) as never
  throwsWith(() => dataset({ values: float64, shape: [1, 1, 3] }), DataError, 'values', 'Float64Array')
  throwsWith(() => dataset({ values: new Uint8Array(3) as never, shape: [1, 1, 3] }), DataError, 'Uint8Array')
  throwsWith(() => dataset({ values: new Float32Array(4), shape: [1, 1, 3] }), ShapeError, 'values has 4', '3 = 1 × 1 × 3')
})

data('subset, take and split are views', () => {
  const set = dataset({ images: Uint8Array.from({ length: 20 }, (_, i) => i), shape: [1, 2, 1], labels: range(10) })
  const middle = subset(set, 3, 5)
  assert.equal([...middle.images], [6, 7, 8, 9])
  assert.equal([...middle.labels!], [3, 4])
  assert.is(middle.images.buffer, set.images.buffer)
  assert.is(subset(subset(set, 2), 1, 2).images[0], 6)
  assert.is(take(set, 4).count, 4)
  assert.is(take(set, 400).count, 10)
  const [first, rest] = split(set, 0.75)
  assert.equal([first.count, rest.count, rest.labels![0]], [8, 2, 8])
  assert.equal(split(set, 0.001).map((part) => part.count), [1, 9])
  assert.equal(split(set, 0.999).map((part) => part.count), [9, 1])
  assert.is(subset(dataset({ images: set.images, shape: [1, 2, 1] }), 0, 1).labels, undefined)
})

data('subset, take and split refuse what would be empty or outside', () => {
  const set = dataset({ images: new Uint8Array(10), shape: [1, 1, 1] })
  for (const [start, end] of [[0, 11], [-1, 5], [5, 5], [6, 5], [0.5, 2], [0, NaN]]) {
    throwsWith(() => subset(set, start, end), DataError, '≤ 10', String(end))
  }
  for (const count of [0, -1, 1.5, NaN]) throwsWith(() => take(set, count), DataError, String(count))
  for (const fraction of [0, 1, -1, NaN]) throwsWith(() => split(set, fraction), DataError, String(fraction))
  throwsWith(() => split(take(set, 1), 0.5), DataError, 'at least 2')
})

data('idx reads images of 2 × 3 with labels, gzipped or not', async () => {
  const pixels = range(24)
  const images = idxFile([4, 2, 3], pixels)
  const labels = idxFile([4], [3, 1, 4, 1])
  for (const set of [await idx(images, labels), await idx(gzipSync(images), gzipSync(labels))]) {
    assert.equal(set.shape, [2, 3, 1])
    assert.is(set.count, 4)
    assert.equal([...set.images], pixels)
    assert.equal([...set.labels!], [3, 1, 4, 1])
  }
  const plain = await idx(images.slice().buffer)
  assert.is(plain.labels, undefined)
  assert.equal([...plain.images], pixels)
  assert.equal(parseIdx(labels), { shape: [4], data: Uint8Array.of(3, 1, 4, 1) })
})

data('idx says what is wrong with a file', async () => {
  const images = idxFile([4, 2, 3], range(24))
  const labels = idxFile([4], [3, 1, 4, 1])
  await rejectsWith(idx(labels, images), 'swapped')
  await rejectsWith(idx(labels), 'idx images', 'labels')
  await rejectsWith(idx(images, images), 'idx labels', 'a file of images')
  await rejectsWith(idx(images, idxFile([3], [1, 2, 3])), '3 labels', 'needs 4')
  await rejectsWith(idx(images.subarray(0, 39)), 'truncated', '40', '39')
  await rejectsWith(idx(images.subarray(0, 10)), 'truncated', '16', '10')
  await rejectsWith(idx(images.subarray(0, 3)), 'truncated', '3')
  await rejectsWith(idx(new Uint8Array(0)), 'truncated', '0')
  await rejectsWith(idx(Uint8Array.of(...images, 0, 0)), '2 bytes too many', '40', '42')
  await rejectsWith(idx(new TextEncoder().encode('<!doctype html>')), 'magic 0x3c21646f', '0x00000803')
  await rejectsWith(idx(idxFile([0, 28, 28], [])), 'no pixels')
  await rejectsWith(idx(idxFile([4, 0, 28], [])), 'no pixels')
  await rejectsWith(idx(idxFile([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [])), 'truncated')
  const packed = gzipSync(images)
  await rejectsWith(idx(packed.subarray(0, packed.length - 9)), 'gzip', 'truncated or altered')
  packed[packed.length - 6] ^= 1 // in the check sum
  await rejectsWith(idx(packed), 'gzip', 'truncated or altered')
})

data('cifar turns planes into pixels and joins files', async () => {
  const first = cifarRecord(7, 1)
  const second = cifarRecord(0, 2)
  const set = await cifar(gzipSync(first), Uint8Array.of(...second, ...first))
  assert.equal(set.shape, [32, 32, 3])
  assert.equal([...set.labels!], [7, 0, 7])
  for (const [image, record] of [first, second, first].entries()) {
    for (const [row, column, channel] of [[0, 0, 0], [0, 1, 2], [5, 31, 1], [31, 31, 2]]) {
      assert.is(
        set.images[((image * 32 + row) * 32 + column) * 3 + channel],
        record[1 + (channel * 32 + row) * 32 + column],
      )
    }
  }
})

data('cifar says what is wrong with a file', async () => {
  const record = cifarRecord(1, 1)
  await rejectsWith(cifar(record.subarray(1)), '3072 bytes', '3073')
  await rejectsWith(cifar(record, cifarRecord(10, 1)), 'file 2 of 2', 'record 0 has label 10')
  await rejectsWith(cifar(new Uint8Array(0)), 'no images')
  await rejectsWith(cifar(), 'no images')
  const tar = new Uint8Array(10240)
  tar.set(new TextEncoder().encode('ustar'), 257)
  await rejectsWith(cifar(gzipSync(tar)), 'tar archive')
  await rejectsWith(cifar(Uint8Array.of(0x80, 2, 0x7d)), 'Python')
})

data('4,000 truncated and altered IDX and CIFAR files give a set or a FormatError, nothing else', async () => {
  const random = new Random(1, STREAMS.GLYPHS)
  const images = idxFile([3, 5, 4], range(60))
  const labels = idxFile([3], [0, 1, 2])
  const record = cifarRecord(3, 5)
  const readers: [(bytes: Uint8Array) => Promise<unknown>, Uint8Array][] = [
    [(bytes) => idx(bytes, labels), images],
    [(bytes) => idx(images, bytes), labels],
    [(bytes) => idx(bytes, labels), gzipSync(images)],
    [(bytes) => cifar(bytes), record],
    [(bytes) => cifar(bytes), gzipSync(record)],
  ]
  let refused = 0
  for (let round = 0; round < 4000; round++) {
    const [read, good] = readers[round % readers.length]
    const bad = good.slice(0, random.integer(2) === 0 ? good.length : random.integer(good.length + 1))
    const header = Math.min(bad.length, 16)
    for (let flips = random.integer(4); flips > 0 && bad.length > 0; flips--) {
      bad[random.integer(random.integer(2) === 0 ? header : bad.length)] ^= 1 << random.integer(8)
    }
    try {
      await read(bad)
    } catch (error) {
      assert.instance(error, FormatError, `round ${round}: ${error}`)
      refused++
    }
  }
  assert.ok(refused > 2000, `${refused} refused`)
})

data.run()

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function idxFile(shape: number[], values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x0800 + shape.length)
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size))
  bytes.set(values, 4 + 4 * shape.length)
  return bytes
}

function cifarRecord(label: number, seed: number): Uint8Array {
  const random = new Random(seed, STREAMS.GLYPHS)
  const bytes = Uint8Array.from({ length: 3073 }, () => random.integer(256))
  bytes[0] = label
  return bytes
}

type ErrorClass = abstract new (...args: never[]) => Error

function throwsWith(action: () => unknown, kind: ErrorClass, ...parts: string[]): void {
  assert.throws(action, (error: unknown) => says(error, kind, parts))
}

async function rejectsWith(action: Promise<unknown>, ...parts: string[]): Promise<void> {
  const error = await action.then(() => undefined, (reason: unknown) => reason)
  says(error, FormatError, parts)
}

function says(error: unknown, kind: ErrorClass, parts: string[]): boolean {
  assert.instance(error, kind, `${error}`)
  const { message } = error as Error
  for (const part of parts) assert.ok(message.includes(part), `"${message}" lacks "${part}"`)
  return true
}
