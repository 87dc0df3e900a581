// Data of a user's own: arrays, tables, folders of pictures, and what is said where they are none.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { encode as encodePng } from 'fast-png'
import { encode as encodeJpeg } from 'jpeg-js'
import * as assert from 'uvu/assert'
import { toBytes } from '../../src/tools/drawing/bytes.js'
import { writeNpy } from '../../src/tools/files/npy.js'
import { readPicture } from '../../src/tools/files/picture.js'
import { writePng } from '../../src/tools/files/png.js'
import { ownData, ownPixels } from '../../src/tools/own-data.js'
import { suite } from '../harness/suite.js'
import { thrownBy } from '../support/errors.js'

const test = suite('own data')

let folder = ''
const at = (name: string) => join(folder, name)

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-own-'))
})
test.after.each(() => rm(folder, { recursive: true }))

test('an array is images, every tenth for testing, with the labels beside it', async () => {
  const values = Float32Array.from({ length: 20 * 6 }, (_, i) => Math.floor(i / 6) / 255)
  await put('x.npy', writeNpy({ shape: [20, 3, 2], data: values }))
  await put('x-labels.npy', writeNpy({ shape: [20], data: Int32Array.from({ length: 20 }, (_, n) => n) }))
  const { name, train, test: rest } = (await ownPixels(at('x.npy')))!
  assert.equal([name, train.count, rest.count, train.shape], ['x', 18, 2, [3, 2, 1]])
  assert.equal([...rest.labels!], [9, 19])
  assert.equal([...rest.images], [...Array(6).fill(9), ...Array(6).fill(19)])
  assert.equal([...train.labels!].slice(7, 11), [7, 8, 10, 11])
})

test('a table is square images, its column of labels aside wherever it stands', async () => {
  await put('t.csv', 'a,b,label,c,d\n0,1,7,2,255\n4,5,8,6,7\n')
  const { train, test: rest } = (await ownPixels(at('t.csv')))!
  assert.equal([train.shape, [...train.images], [...train.labels!]], [[2, 2, 1], [0, 1, 2, 255], [7]])
  assert.equal([[...rest.images], [...rest.labels!]], [[4, 5, 6, 7], [8]])
  await put('odd.csv', '0.5,1,0\n0,0,0\n')
  const odd = (await ownPixels(at('odd.csv')))!
  assert.equal([odd.train.shape, [...odd.train.images]], [[1, 1, 3], [128, 255, 0]])
})

test('folders of pictures are classes in the order of their names, grey where all of them are', async () => {
  await put('p/b2/x.png', writePng(Uint8Array.of(1, 2, 3, 4, 5, 6), [3, 2, 1]))
  await put('p/b10/y.png', writePng(Uint8Array.of(9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4), [3, 2, 3]))
  await put('p/notes.txt', 'no picture')
  const { train, test: rest } = (await ownPixels(at('p')))!
  assert.equal([train.shape, [...train.images], [...train.labels!]], [[3, 2, 1], [1, 2, 3, 4, 5, 6], [0]])
  assert.equal([[...rest.images], [...rest.labels!]], [[9, 8, 7, 6, 5, 4], [1]])

  await put('flat/1.png', writePng(Uint8Array.of(1, 2, 3), [1, 1, 3]))
  await put('flat/2.png', writePng(Uint8Array.of(4), [1, 1, 1]))
  const flat = (await ownPixels(at('flat')))!
  assert.equal([flat.train.shape, [...flat.train.images], flat.train.labels], [[1, 1, 3], [1, 2, 3], undefined])
  assert.equal([...flat.test.images], [4, 4, 4])
})

test('a folder may be divided already', async () => {
  await put('d/train/1.png', writePng(Uint8Array.of(1), [1, 1, 1]))
  await put('d/test.npy', writeNpy({ shape: [2, 1, 1], data: Uint8Array.of(8, 9) }))
  const { train, test: rest } = (await ownPixels(at('d')))!
  assert.equal([[...train.images], [...rest.images]], [[1], [8, 9]])
  await put('d/test.npy', writeNpy({ shape: [2, 1, 2], data: new Uint8Array(4) }))
  assert.match((await thrownBy(() => ownPixels(at('d')))).message, 'are 1 × 1 × 1, those to test 1 × 2 × 1; they must be')
})

test('other numbers stay what they are, for a model that takes them', async () => {
  await put('measured.csv', 'height,label,weight,balance\n1.75,0,70,-3\n1.6,1,300,2.5\n')
  const { train, test: rest } = (await ownData(at('measured.csv')))!
  assert.equal([train.shape, [...train.images], [...train.labels!]], [[1, 1, 3], [1.75, 70, -3], [0]])
  assert.ok(rest.images instanceof Float32Array)
  assert.equal([...rest.images], [...Float32Array.of(1.6, 300, 2.5)])
  const { message } = await thrownBy(() => ownPixels(at('measured.csv')))
  assert.match(message, `${at('measured.csv')}: has the value 1.75, needs whole numbers from 0 to 255, or numbers from 0 to 1`)

  await put('small.csv', '0.1234,1\n0,0.5\n')
  assert.equal([...(await ownData(at('small.csv')))!.train.images], [...Float32Array.of(0.1234, 1)])
  assert.equal([...(await ownPixels(at('small.csv')))!.train.images], [31, 255])
  await put('bytes.csv', '0,1\n0,255\n') // one of them says what all are
  assert.equal([...(await ownData(at('bytes.csv')))!.train.images], [0, 1])
  await put('infinite.npy', writeNpy({ shape: [2, 2], data: Float64Array.of(0, 1, 2, 1e300) }))
  assert.match((await thrownBy(() => ownData(at('infinite.npy')))).message, `${at('infinite.npy')}: `)
})

test('bytes of pictures are cut off at black and white', () => {
  assert.equal([...toBytes(Float32Array.of(-0.01, 0, 0.5, 1, 1.2))], [0, 0, 128, 255, 255])
})

test('pictures of every depth and kind are read', () => {
  const png = (given: Parameters<typeof encodePng>[0]) => [...readPicture(encodePng(given)).data]
  const one = { width: 1, height: 1 }
  assert.equal(png({ ...one, data: Uint16Array.of(0x1234), channels: 1, depth: 16 }), [0x12, 0x12, 0x12])
  assert.equal(png({ ...one, data: Uint8Array.of(1, 2, 3, 0), channels: 4 }), [1, 2, 3])
  assert.equal(png({ ...one, data: Uint8Array.of(7, 0), channels: 2 }), [7, 7, 7])
  const bits = png({ width: 3, height: 2, data: Uint8Array.of(0b10100000, 0b01000000), channels: 1, depth: 1 })
  assert.equal(bits.filter((_, i) => i % 3 === 0), [255, 0, 255, 0, 255, 0])
  const grey = { width: 8, height: 8, data: new Uint8Array(256).fill(100) }
  const { width, height, data } = readPicture(encodeJpeg(grey, 95).data)
  assert.equal([width, height, data.length], [8, 8, 192])
  assert.ok(data.every((value) => Math.abs(value - 100) <= 1), String(data))
})

test('says which file is damaged, and what else cannot be', async () => {
  const png = writePng(Uint8Array.of(1, 2, 3, 4), [2, 2, 1])
  await put('cut/1.png', png.subarray(0, -20))
  await put('altered/1.png', png.map((byte, i) => (i === png.length - 16 ? byte ^ 1 : byte)))
  await put('jpeg/1.jpg', encodeJpeg({ width: 8, height: 8, data: new Uint8Array(256) }, 90).data.subarray(0, 200))
  await put('text/1.png', 'hello')
  await put('sizes/1.png', png)
  await put('sizes/2.png', writePng(Uint8Array.of(1, 2), [1, 2, 1]))
  await put('alone/1.png', png)
  await put('flat.npy', writeNpy({ shape: [4], data: new Uint8Array(4) }))
  await put('large.npy', writeNpy({ shape: [2, 2], data: Float32Array.of(0, 1, 256, 2) }))
  await put('text.csv', '1,2\n3,x\n')
  for (const [name, kind, message] of [
    ['cut', 'FormatError', `${at('cut/1.png')}: is no whole PNG or JPEG file: `],
    ['altered', 'FormatError', `${at('altered/1.png')}: is no whole PNG or JPEG file: `],
    ['jpeg', 'FormatError', `${at('jpeg/1.jpg')}: is no whole PNG or JPEG file: `],
    ['text', 'FormatError', `${at('text/1.png')}: is no whole PNG or JPEG file: `],
    ['sizes', 'DataError', `${at('sizes/2.png')} is 2 × 1 pixels, ${at('sizes/1.png')} 2 × 2; scale them to one size`],
    ['alone', 'DataError', `${at('alone')}: has one image; needs two at least`],
    ['flat.npy', 'DataError', `${at('flat.npy')}: has the shape [4], needs [count, height, width, channels]`],
    ['large.npy', 'DataError', `${at('large.npy')}: has the value 256, needs whole numbers from 0 to 255`],
    ['text.csv', 'FormatError', `${at('text.csv')}: csv: line 2, cell 2 is "x", needs a number`],
  ] as const) {
    const error = await thrownBy(() => ownPixels(at(name)))
    assert.is(error.name, kind, error.message)
    assert.ok(error.message.startsWith(message), error.message)
    assert.not.match(error.message, '\n')
  }
  await put('none/notes.txt', 'none of these')
  assert.is(await ownPixels(at('none')), undefined)
})

test.run()

async function put(name: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(at(name)), { recursive: true })
  await writeFile(at(name), content)
}
