import * as assert from 'uvu/assert'
import { FormatError } from '../../src/errors.js'
import {
  CHECKSUM_KEY, crc32, readSafetensors, tensorChecksum, verifyChecksum, writeSafetensors,
} from '../../src/formats/safetensors.js'
import type { Tensor } from '../../src/tensor.js'
import { loadFixture } from '../fixtures.js'
import { suite } from '../harness/suite.js'
import { hash, normalArray } from '../reference/formula.js'

const safetensors = suite('safetensors')

function tensor(shape: number[], seed: number): Tensor {
  return { shape, data: normalArray(shape.reduce((product, n) => product * n, 1), seed) }
}

const TENSORS = {
  'encoder.0.weight': tensor([3, 5], 1),
  'encoder.0.bias': tensor([3], 2),
  'größe "μ"\n': tensor([2, 1, 2, 1], 3),
  scalar: tensor([], 4),
  empty: tensor([0, 7], 5),
  7: tensor([1], 6),
}
const METADATA = { 'elbo.format': '1', text: 'zwölf "Boxkämpfer" \\ \u0000 🥊', 3: '' }

/** A file from a header, given as text or as what JSON makes of it, and `dataBytes` bytes of data. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

function entry(shape: number[], begin: number, end: number, dtype = 'F32') {
  return { dtype, shape, data_offsets: [begin, end] }
}

function refuses(bytes: Uint8Array, reason: RegExp): void {
  assert.throws(
    () => readSafetensors(bytes),
    (error: unknown) => error instanceof FormatError && reason.test(error.message),
    `expected a FormatError about ${reason}`,
  )
}

safetensors('gives back names, shapes, bits and metadata', () => {
  const nan = new Float32Array(new Uint32Array([0x7fc00123, 0x80000000, 0x00000001, 0xff800000]).buffer)
  const tensors = { ...TENSORS, special: { shape: [2, 2], data: nan } }
  const read = readSafetensors(writeSafetensors(tensors, METADATA))
  assert.equal(Object.keys(read.tensors).sort(), Object.keys(tensors).sort())
  assert.equal(read.metadata, { ...METADATA })
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    assert.equal(read.tensors[name].shape, shape)
    assert.equal(new Uint32Array(read.tensors[name].data.buffer), new Uint32Array(data.buffer))
  }
})

safetensors('writes the same bytes whatever the order of the keys', () => {
  const reversed = <T>(record: Record<string, T>) => Object.fromEntries(Object.entries(record).reverse())
  assert.equal(writeSafetensors(reversed(TENSORS), reversed(METADATA)), writeSafetensors(TENSORS, METADATA))
})

safetensors('begins the data at a multiple of 8 by spaces after the header', () => {
  for (const name of ['a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg', 'abcdefgh']) {
    const bytes = writeSafetensors({ [name]: tensor([1], 1) })
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    assert.is(length % 8, 0)
    assert.match(new TextDecoder().decode(bytes.subarray(8, 8 + length)), /^\{.*\} {0,7}$/)
  }
})

safetensors('writes and reads a file without tensors or metadata', () => {
  assert.equal(readSafetensors(writeSafetensors({})), { tensors: {}, metadata: {} })
})

safetensors('reads from the middle of a larger buffer, and copies', () => {
  const bytes = writeSafetensors(TENSORS, METADATA)
  const larger = new Uint8Array(bytes.length + 20)
  larger.set(bytes, 3)
  const { tensors } = readSafetensors(larger.subarray(3, 3 + bytes.length))
  larger.fill(255)
  assert.equal(tensors['encoder.0.weight'], TENSORS['encoder.0.weight'])
})

safetensors('reads what another program wrote, in four types', async () => {
  const { tensors, metadata } = readSafetensors(await loadFixture('other-writer.safetensors'))
  assert.equal(metadata, { writer: 'struct and json', 'ключ': 'значение' })
  assert.equal(tensors.single, { shape: [2, 3], data: new Float32Array([0, -1.5, 3.25, 1e-40, 1e38, -0]) })
  assert.equal(tensors.half.shape, [7])
  assert.equal([...tensors.half.data], [1, -2.5, 65504, 2 ** -24, -0, Infinity, NaN])
  assert.ok(Object.is(tensors.half.data[4], -0))
  assert.equal(tensors.brain, { shape: [3, 1], data: new Float32Array([1, -0.15625, 2 ** 100]) })
  assert.equal(tensors.double, { shape: [2], data: new Float32Array([0.1, -1e-3]) })
  assert.equal(tensors.scalar, { shape: [], data: new Float32Array([42]) })
  assert.equal(tensors.empty, { shape: [0, 4], data: new Float32Array(0) })
  assert.equal(tensors['β/вес'], { shape: [1], data: new Float32Array([-7]) })
})

safetensors('refuses to write what cannot be read back', () => {
  const writes = (tensors: Record<string, Tensor>) => () => writeSafetensors(tensors)
  assert.throws(writes({ __metadata__: tensor([1], 1) }), /cannot be called/)
  const short = { shape: [2, 3], data: new Float32Array(5) }
  assert.throws(writes({ short }), /"short" has 5 values, its shape \[2,3\] needs 6/)
})

safetensors('refuses a header length that cannot be', () => {
  const huge = file('{}', 0)
  refuses(new Uint8Array(7), /7 bytes, a file has at least 8/)
  refuses(new Uint8Array(8), /does not begin with "\{"/)
  refuses(file('{}', 0).subarray(0, 9), /the header needs 10 bytes, the file has 9/)
  new DataView(huge.buffer).setBigUint64(0, 100_000_001n, true)
  refuses(huge, /100000001 bytes, the format allows 100000000/)
  new DataView(huge.buffer).setBigUint64(0, 2n ** 64n - 1n, true)
  refuses(huge, /the format allows/)
})

safetensors('refuses a header that is not a JSON object in UTF-8', () => {
  const invalid = file('{"a€":1}', 0)
  invalid[8 + 4] = 0xff
  refuses(invalid, /not JSON in UTF-8/)
  refuses(file(' {}', 0), /does not begin with/)
  refuses(file('[]', 0), /does not begin with/)
  refuses(file('\ufeff{}', 0), /does not begin with/)
  refuses(file('{', 0), /not JSON/)
  refuses(file('{} x', 0), /not JSON/)
  refuses(file(`{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`, 0), /nested deeper/)
})

safetensors('refuses a key that occurs twice, however it is spelled', () => {
  const one = JSON.stringify(entry([1], 0, 4))
  refuses(file(`{"a":${one},"a":${one}}`, 4), /key "a" twice/)
  refuses(file(`{"a":${one} , "\\u0061" : ${one}}`, 4), /key "a" twice/)
  refuses(file(`{"__metadata__":{"k":"1","k":"1"}}`, 0), /key "k" twice/)
  refuses(file(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), /key "dtype" twice/)
  assert.ok(readSafetensors(file(`{"__metadata__":{"a":"\\"a\\":","b":"a"},"a":${one}}`, 4)).tensors.a)
})

safetensors('refuses metadata that is not an object of strings', () => {
  refuses(file({ __metadata__: [] }, 0), /not an object/)
  refuses(file({ __metadata__: null }, 0), /not an object/)
  refuses(file({ __metadata__: { a: 1 } }, 0), /"a" that is not a string/)
})

safetensors('refuses an entry that does not say type, shape and place', () => {
  refuses(file({ a: 1 }, 0), /"a" is not an object/)
  refuses(file({ a: [] }, 0), /"a" is not an object/)
  refuses(file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /no dtype/)
  refuses(file({ a: entry([1], 0, 4, 'F31') }, 4), /"a" has dtype F31; F64, F32, F16, BF16 can be read/)
  refuses(file({ a: entry([1], 0, 8, 'I64') }, 8), /dtype I64/)
  refuses(file({ a: entry([1], 0, 4, 'constructor') }, 4), /dtype constructor/)
  for (const shape of [null, 3, 'x', {}, [-1], [0.5], ['1'], [2 ** 53], [null]]) {
    refuses(file({ a: { dtype: 'F32', shape, data_offsets: [0, 4] } }, 4), /no shape of whole numbers/)
  }
  for (const offsets of [null, 4, [4], [0, 4, 8], [-4, 0], [0, 4.5], ['0', '4']]) {
    refuses(file({ a: { dtype: 'F32', shape: [1], data_offsets: offsets } }, 4), /no data_offsets/)
  }
})

safetensors('refuses a size that disagrees with type and shape', () => {
  refuses(file({ a: entry([2, 3], 0, 20) }, 20), /20 bytes; F32 \[2,3\] needs 24/)
  refuses(file({ a: entry([2, 3], 0, 24, 'F16') }, 24), /needs 12/)
  refuses(file({ a: entry([1], 4, 0) }, 4), /-4 bytes/)
  refuses(file({ a: entry([2 ** 52, 2 ** 52], 0, 4) }, 4), /needs Infinity/)
  refuses(file({ a: entry([2 ** 52, 2 ** 52, 0], 0, 0) }, 0), /needs Infinity/)
})

safetensors('refuses gaps, overlaps, bytes too few and bytes left over', () => {
  refuses(file({ a: entry([1], 4, 8) }, 8), /"a" begins at byte 4, after a gap from 0/)
  refuses(file({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /"b" begins at byte 8, after a gap from 4/)
  refuses(file({ a: entry([2], 0, 8), b: entry([2], 4, 12) }, 12), /"b" begins at byte 4, inside .* ends at 8/)
  refuses(file({ a: entry([1], 0, 4), b: entry([1], 0, 4) }, 4), /inside the tensor/)
  refuses(file({ a: entry([2 ** 40], 0, 2 ** 42) }, 16), /need 4398046511104 bytes, the file has 16 of them; truncated/)
  refuses(file({ a: entry([1], 0, 4) }, 5), /1 bytes after the last tensor/)
  refuses(file({}, 1), /1 bytes after the last tensor/)
})

safetensors('computes the CRC-32 of zlib', () => {
  const text = new TextEncoder().encode('123456789')
  assert.is(crc32(text), 0xcbf43926)
  assert.is(crc32(text.subarray(4), crc32(text.subarray(0, 4))), 0xcbf43926)
})

function savedFile(): Uint8Array {
  return writeSafetensors(TENSORS, { ...METADATA, [CHECKSUM_KEY]: tensorChecksum(TENSORS, METADATA) })
}

safetensors('accepts its own checksum, also after another program has reordered and respelled the file', async () => {
  verifyChecksum(readSafetensors(savedFile()))
  verifyChecksum(readSafetensors(await loadFixture('other-writer-checksum.safetensors')))
})

safetensors('refuses content that differs from its checksum in values, shapes, names or metadata', () => {
  const saved = readSafetensors(savedFile())
  const altered = (change: (copy: typeof saved) => void) => () => {
    const copy = structuredClone(saved)
    change(copy)
    verifyChecksum(copy)
  }
  assert.not.throws(altered(() => {}))
  assert.throws(altered(({ tensors }) => (tensors.scalar.data[0] += 1e-6)), /altered/)
  assert.throws(altered(({ tensors }) => tensors['encoder.0.weight'].shape.reverse()), /altered/)
  assert.throws(altered(({ tensors }) => { tensors.other = tensors.scalar; delete tensors.scalar }), /altered/)
  assert.throws(altered(({ tensors }) => delete tensors.empty), /altered/)
  assert.throws(altered(({ metadata }) => (metadata['elbo.format'] = '2')), /altered/)
  assert.throws(altered(({ metadata }) => (metadata.more = '')), /altered/)
  assert.throws(altered(({ metadata }) => delete metadata[CHECKSUM_KEY]), /no "elbo.checksum"/)
})

safetensors('refuses the file cut at every length, and with a byte added', () => {
  const whole = savedFile()
  for (let length = 0; length < whole.length; length++) refuses(whole.subarray(0, length), /./)
  const longer = new Uint8Array(whole.length + 1)
  longer.set(whole)
  refuses(longer, /after the last tensor/)
})

safetensors('notices every damaged byte that changes the content, and fails in no other way', () => {
  const whole = savedFile()
  const content = (bytes: Uint8Array) => {
    const read = readSafetensors(bytes)
    verifyChecksum(read)
    return writeSafetensors(read.tensors, read.metadata)
  }
  const dataStart = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true))
  let accepted = 0
  for (let i = 0; i < whole.length; i++) {
    for (let round = 0; round < 4; round++) {
      const damage = round === 0 ? 1 << i % 8 : 1 + (hash(i, round) % 255)
      const damaged = whole.slice()
      damaged[i] ^= damage
      try {
        assert.equal(content(damaged), content(whole), `byte ${i} xor ${damage} changed the content unnoticed`)
        assert.ok(i < dataStart, `data byte ${i} xor ${damage} went unnoticed`)
        accepted++
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }
  }
  assert.ok(accepted < whole.length / 100, `${accepted} harmless changes of the header's spelling`)
})

safetensors('survives headers made of random pieces', () => {
  const pieces = ['{', '}', '[', ']', ':', ',', '\\', '"a"', '"dtype"', '"__metadata__"', '"F32"', '0', '4', 'null']
  for (let seed = 0; seed < 2000; seed++) {
    const text = Array.from({ length: hash(0, seed) % 20 }, (_, i) => pieces[hash(i + 1, seed) % pieces.length])
    try {
      readSafetensors(file(`{${text.join('')}`, 4))
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }
})

safetensors.run()
