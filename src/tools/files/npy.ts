import { FormatError } from '../../errors.js'
import { elementCount } from '../../tensor.js'

/** Numbers with their shape, row-major. */
export interface NpyArray {
  shape: number[]
  data: Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array
}

const MAGIC = '\x93NUMPY'

/** NumPy's names of the kinds that are read, and how to read a value. Of an array's kinds the first one is written. */
const KINDS = {
  '|u1': { bytes: 1, array: Uint8Array, read: (view: DataView, at: number) => view.getUint8(at) },
  '<i4': { bytes: 4, array: Int32Array, read: (view: DataView, at: number) => view.getInt32(at, true) },
  '<u4': { bytes: 4, array: Uint32Array, read: (view: DataView, at: number) => view.getUint32(at, true) },
  '<f4': { bytes: 4, array: Float32Array, read: (view: DataView, at: number) => view.getFloat32(at, true) },
  '<f8': { bytes: 8, array: Float64Array, read: (view: DataView, at: number) => view.getFloat64(at, true) },
  '|b1': { bytes: 1, array: Uint8Array, read: (view: DataView, at: number) => view.getUint8(at) },
  '<i8': { bytes: 8, array: Float64Array, read: (view: DataView, at: number) => Number(view.getBigInt64(at, true)) },
  '<u8': { bytes: 8, array: Float64Array, read: (view: DataView, at: number) => Number(view.getBigUint64(at, true)) },
} as const

/** An array as NumPy's file format, version 1.0, little-endian and in C order. */
export function writeNpy({ shape, data }: NpyArray): Uint8Array {
  const kind = Object.entries(KINDS).find(([, { array, bytes }]) => {
    return data instanceof array && bytes === data.BYTES_PER_ELEMENT
  })!
  const [descr, { bytes }] = kind
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const header = `${text}${' '.repeat(63 - ((10 + text.length) % 64))}\n` // the values begin at a multiple of 64
  const start = 10 + header.length
  const file = new Uint8Array(start + data.length * bytes)
  file.set(Buffer.from(MAGIC, 'latin1'))
  file.set([1, 0, header.length & 255, header.length >> 8], 6)
  file.set(Buffer.from(header, 'latin1'), 10)
  // Typed arrays lie in the machine's order, and every machine that runs Node with a GPU is little-endian.
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start)
  return file
}

/** Reads what `writeNpy` writes, and booleans and 64-bit integers too. @throws FormatError */
export function readNpy(bytes: Uint8Array): NpyArray {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (text.toString('latin1', 0, 6) !== MAGIC) throw new FormatError('npy: the file does not begin as NumPy’s do')
  const long = bytes[6] > 1
  const start = long ? 12 : 10
  if (bytes.length < start) throw new FormatError(`npy: the file ends after ${bytes.length} bytes, in its header`)
  const end = start + (long ? text.readUInt32LE(8) : text.readUInt16LE(8))
  if (bytes.length < end) throw new FormatError(`npy: the file ends after ${bytes.length} bytes, in its header of ${end}`)
  const header = text.toString('latin1', start, end)
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? 'several fields'
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1]
  if (sizes === undefined) throw new FormatError('npy: the header has no shape')
  if (!Object.hasOwn(KINDS, descr)) {
    const known = Object.keys(KINDS).join(', ')
    throw new FormatError(`npy: the values are ${descr}, needs one of ${known}; convert them with astype('float32')`)
  }
  if (/'fortran_order':\s*True/.test(header)) {
    throw new FormatError("npy: the values lie column by column; save numpy.ascontiguousarray of them")
  }
  const shape = sizes.split(',').filter((size) => size.trim() !== '').map(Number)
  const count = elementCount(shape)
  const { bytes: size, array, read } = KINDS[descr as keyof typeof KINDS]
  if (bytes.length - end !== count * size) {
    const whole = `${count} values of ${size} bytes`
    throw new FormatError(`npy: ${bytes.length - end} bytes follow the header, needs ${whole}; the file is damaged`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + end)
  const data = new array(count)
  for (let i = 0; i < count; i++) data[i] = read(view, i * size)
  return { shape, data }
}
