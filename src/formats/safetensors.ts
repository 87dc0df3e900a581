import { clip, isWhole } from '../checks.js'
import { FormatError } from '../errors.js'
import type { Tensor } from '../tensor.js'
import { endOfString, parseJson } from './json.js'

// The file: 8 bytes little-endian header length N, N bytes of JSON, then the tensors' bytes without gaps.
//
//   { "__metadata__": { "key": "text" }, "name": { "dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48] } }
//
// Offsets count from the end of the header. Everything is little-endian, as is every platform with WebGPU.

/** What a file holds. */
export interface Safetensors {
  tensors: Record<string, Tensor>
  metadata: Record<string, string>
}

/** The metadata key under which a checksum of the whole content is kept; see {@link tensorChecksum}. */
export const CHECKSUM_KEY = 'elbo.checksum'

const LENGTH_BYTES = 8
const MAX_HEADER_BYTES = 100_000_000
const MAX_HEADER_DEPTH = 3 // file { tensor { shape [

/** How the bytes of a stored type become 32-bit floats; the slice they are given begins at offset 0 of its buffer. */
const READERS: Record<string, { bytes: number; read(data: Uint8Array<ArrayBuffer>): Float32Array }> = {
  F64: { bytes: 8, read: (data) => Float32Array.from(new Float64Array(data.buffer)) },
  F32: { bytes: 4, read: (data) => new Float32Array(data.buffer) },
  F16: { bytes: 2, read: (data) => Float32Array.from(new Uint16Array(data.buffer), halfToFloat) },
  BF16: { bytes: 2, read: bfloatsToFloats },
}

interface Entry {
  name: string
  dtype: string
  shape: number[]
  begin: number
  end: number
}

/**
 * Writes tensors as 32-bit floats, sorted by name; the same content gives the same bytes. The data begins at a
 * multiple of 8 bytes.
 * @throws FormatError when a shape does not fit its data, or a tensor is called `__metadata__`.
 */
export function writeSafetensors(
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const header: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) header.push(['__metadata__', Object.fromEntries(sorted(metadata))])
  let end = 0
  for (const [name, { shape, data }] of sorted(tensors)) {
    if (name === '__metadata__') refuse('a tensor cannot be called "__metadata__"')
    const needed = elements(shape)
    if (needed !== data.length) refuse(`"${name}" has ${data.length} values, its shape [${shape}] needs ${needed}`)
    const begin = end
    end += data.byteLength
    header.push([name, { dtype: 'F32', shape, data_offsets: [begin, end] }])
  }
  // Not one object literal: keys that look like integers would move to the front, before the metadata.
  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
  const text = new TextEncoder().encode(json)
  const headerBytes = Math.ceil(text.length / 8) * 8

  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end).fill(0x20, 0, LENGTH_BYTES + headerBytes)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true)
  file.set(text, LENGTH_BYTES)
  let position = LENGTH_BYTES + headerBytes
  for (const [, { data }] of sorted(tensors)) {
    file.set(bytesOf(data), position)
    position += data.byteLength
  }
  return file
}

/**
 * Reads a file. F64, F16 and BF16 come back as 32-bit floats; other types are refused.
 * The header is checked whole against the format and the file's size before a tensor is allocated.
 * @throws FormatError with the rule that is broken.
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  const { entries, metadata, dataStart } = readHeader(bytes)
  const tensors = entries.map(({ name, dtype, shape, begin, end }): [string, Tensor] => {
    const data = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end))
    return [name, { shape, data: READERS[dtype].read(data) }]
  })
  return { tensors: Object.fromEntries(tensors), metadata }
}

/**
 * A checksum of everything a file says: metadata (except the checksum's own key), names, shapes and values, but not how
 * the header spells them, so it survives being read and written again by another library.
 *
 * CRC-32 (zlib's) of the UTF-8 text `JSON.stringify([[[key, text], …], [[name, shape], …]])`, both sorted, followed by
 * the tensors' little-endian bytes in that order. It finds any damage of up to 32 bits in a row, and all but one in 2³²
 * of the rest; it is no defence against someone who means to deceive.
 */
export function tensorChecksum(tensors: Record<string, Tensor>, metadata: Record<string, string> = {}): string {
  const texts = sorted(metadata).filter(([key]) => key !== CHECKSUM_KEY)
  const shapes = sorted(tensors).map(([name, { shape }]) => [name, shape])
  let crc = crc32(new TextEncoder().encode(JSON.stringify([texts, shapes])))
  for (const [, { data }] of sorted(tensors)) crc = crc32(bytesOf(data), crc)
  return `crc32:${crc.toString(16).padStart(8, '0')}`
}

/**
 * Compares a file's content with the checksum in its metadata.
 * @throws FormatError when there is none, or when it differs: the file has been altered.
 */
export function verifyChecksum({ tensors, metadata }: Safetensors): void {
  const stored = metadata[CHECKSUM_KEY]
  if (stored === undefined) refuse(`the metadata has no "${CHECKSUM_KEY}", so nothing says that the file is whole`)
  const actual = tensorChecksum(tensors, metadata)
  if (stored !== actual) refuse(`altered after saving: the content gives ${actual}, "${CHECKSUM_KEY}" is ${clip(stored)}`)
}

/** CRC-32 as in zlib, PNG and gzip; `crc` continues an earlier call. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  let state = ~crc
  for (let i = 0; i < bytes.length; i++) state = CRC_TABLE[(state ^ bytes[i]) & 255] ^ (state >>> 8)
  return ~state >>> 0
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
  return remainder
})

function readHeader(bytes: Uint8Array): { entries: Entry[]; metadata: Record<string, string>; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) refuse(`${bytes.length} bytes, a file has at least 8; truncated or of another kind`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = Number(view.getBigUint64(0, true))
  const dataStart = LENGTH_BYTES + headerBytes
  if (headerBytes > MAX_HEADER_BYTES) {
    refuse(`a header of ${headerBytes} bytes, the format allows ${MAX_HEADER_BYTES}; altered or of another kind`)
  }
  if (dataStart > bytes.length) refuse(`the header needs ${dataStart} bytes, the file has ${bytes.length}; truncated`)
  if (headerBytes === 0 || bytes[LENGTH_BYTES] !== '{'.charCodeAt(0)) {
    refuse('the header does not begin with "{"; altered or of another kind')
  }
  const { __metadata__: metadata = {}, ...infos } = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart))
  const entries = Object.entries(infos).map(([name, info]) => readEntry(name, info))
  checkCoverage(entries, bytes.length - dataStart)
  return { entries, metadata: readMetadata(metadata), dataStart }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FormatError('safetensors: the header is not JSON in UTF-8', { cause })
  }
  const header = parseJson(text, 'safetensors: the header', MAX_HEADER_DEPTH)
  refuseRepeatedKeys(text)
  return header as Record<string, unknown>
}

/** JSON.parse keeps the last of equal keys, so look at the text itself, which is valid JSON by now. */
function refuseRepeatedKeys(json: string): void {
  const keys: Set<string>[] = [] // of every open bracket; an array's stays empty
  const colon = /\s*:/y
  for (let i = 0; i < json.length; i++) {
    const character = json[i]
    if (character === '{' || character === '[') {
      keys.push(new Set())
    } else if (character === '}' || character === ']') {
      keys.pop()
    } else if (character === '"') {
      const start = i
      i = endOfString(json, start)
      colon.lastIndex = i + 1
      if (!colon.test(json)) continue
      const key: string = JSON.parse(json.slice(start, i + 1))
      const scope = keys[keys.length - 1]
      if (scope.has(key)) refuse(`the header has the key "${clip(key)}" twice`)
      scope.add(key)
    }
  }
}

function readMetadata(metadata: unknown): Record<string, string> {
  if (!isObject(metadata)) refuse('"__metadata__" is not an object')
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') refuse(`"__metadata__" has a value for "${clip(key)}" that is not a string`)
  }
  return metadata as Record<string, string>
}

function readEntry(name: string, info: unknown): Entry {
  if (!isObject(info)) refuse(`"${clip(name)}" is not an object with dtype, shape and data_offsets`)
  const { dtype, shape, data_offsets: offsets } = info
  if (typeof dtype !== 'string') refuse(`"${clip(name)}" has no dtype`)
  if (!Object.hasOwn(READERS, dtype)) {
    refuse(`"${clip(name)}" has dtype ${clip(dtype)}; ${Object.keys(READERS).join(', ')} can be read`)
  }
  if (!isSizes(shape)) refuse(`"${clip(name)}" has no shape of whole numbers`)
  if (!isSizes(offsets) || offsets.length !== 2) refuse(`"${clip(name)}" has no data_offsets [begin, end]`)
  const [begin, end] = offsets
  const needed = elements(shape) * READERS[dtype].bytes
  if (end - begin !== needed) {
    refuse(`"${clip(name)}" has data_offsets [${begin}, ${end}], ${end - begin} bytes; ${dtype} [${clip(String(shape))}] needs ${needed}`)
  }
  return { name, dtype, shape, begin, end }
}

/** The tensors must follow each other from the first byte to the last. Sorts them by their place. */
function checkCoverage(entries: Entry[], dataBytes: number): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const { name, begin, end } of entries) {
    if (begin > position) refuse(`"${clip(name)}" begins at byte ${begin}, after a gap from ${position}`)
    if (begin < position) refuse(`"${clip(name)}" begins at byte ${begin}, inside the tensor that ends at ${position}`)
    position = end
  }
  if (position > dataBytes) refuse(`the tensors need ${position} bytes, the file has ${dataBytes} of them; truncated`)
  if (position < dataBytes) refuse(`${dataBytes - position} bytes after the last tensor belong to none`)
}

function refuse(reason: string): never {
  throw new FormatError(`safetensors: ${reason}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => isWhole(n))
}

/** Product of a shape; Infinity when it leaves the safe integers, so that a later 0 cannot hide an overflow. */
function elements(shape: readonly number[]): number {
  let count = 1
  for (const size of shape) {
    count *= size
    if (!isWhole(count)) return Infinity
  }
  return count
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** A bfloat16 is the upper half of a float. */
function bfloatsToFloats(data: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(data.buffer), (upper) => upper << 16).buffer)
}

function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** By UTF-16 code unit, independent of the locale. */
function sorted<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
