import { FormatError } from '../errors.js'
import { dataset, type Dataset } from './dataset.js'
import { unpacked } from './gzip.js'

const MAGIC_LABELS = 0x00000801 // unsigned bytes, one dimension
const MAGIC_IMAGES = 0x00000803 // unsigned bytes, three dimensions

/** An IDX file of unsigned bytes: `[count]` labels or `[count, height, width]` images, row-major. */
export interface IdxArray {
  shape: number[]
  /** A view of the file's bytes, not a copy. */
  data: Uint8Array
}

/**
 * A data set from MNIST's file format: an IDX file of grey images and, if given, one of labels, each gzipped or not.
 * Shape `[height, width, 1]`. Throws FormatError when a file is truncated, altered, of another kind, swapped with the
 * other, or when the counts differ.
 */
export async function idx(
  images: Uint8Array | ArrayBuffer,
  labels?: Uint8Array | ArrayBuffer,
): Promise<Dataset<Uint8Array>> {
  const imageArray = parseIdx(await unpacked(images, 'idx images'), 'idx images')
  const labelArray = labels && parseIdx(await unpacked(labels, 'idx labels'), 'idx labels')
  if (imageArray.shape.length !== 3) {
    const swapped = labelArray?.shape.length === 3 ? '; the two files are swapped' : ''
    throw new FormatError(`idx images: a file of labels (magic 0x00000801), needs images (0x00000803)${swapped}`)
  }
  if (labelArray && labelArray.shape.length !== 1) {
    throw new FormatError('idx labels: a file of images (magic 0x00000803), needs labels (0x00000801)')
  }
  const [count, height, width] = imageArray.shape
  if (count * height * width === 0) {
    throw new FormatError(`idx images: no pixels: ${count} images of ${height} × ${width}`)
  }
  if (labelArray && labelArray.shape[0] !== count) {
    throw new FormatError(`idx labels: ${labelArray.shape[0]} labels, needs ${count}, one an image`)
  }
  return dataset({ images: imageArray.data, shape: [height, width, 1], labels: labelArray?.data })
}

/**
 * Parses an unpacked IDX file of images or labels. Throws FormatError, which begins with `name`, unless magic number,
 * dimensions and length agree to the byte.
 */
export function parseIdx(bytes: Uint8Array, name = 'idx'): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) {
    throw new FormatError(`${name}: truncated: needs a header of 8 bytes or more, came ${bytes.length}`)
  }
  const magic = view.getUint32(0)
  if (magic !== MAGIC_LABELS && magic !== MAGIC_IMAGES) {
    const hex = magic.toString(16).padStart(8, '0')
    throw new FormatError(
      `${name}: not an IDX file of bytes: magic 0x${hex}, needs 0x00000803 (images) or 0x00000801 (labels)`,
    )
  }
  const dimensions = magic & 0xff
  const headerBytes = 4 + 4 * dimensions
  if (bytes.length < headerBytes) {
    throw new FormatError(`${name}: truncated: needs a header of ${headerBytes} bytes, came ${bytes.length}`)
  }
  const shape = Array.from({ length: dimensions }, (_, axis) => view.getUint32(4 + 4 * axis))
  const needed = headerBytes + shape.reduce((product, size) => product * size, 1)
  if (bytes.length < needed) {
    throw new FormatError(`${name}: truncated: needs ${needed} bytes for ${shape.join(' × ')}, came ${bytes.length}`)
  }
  if (bytes.length > needed) {
    const extra = bytes.length - needed
    throw new FormatError(
      `${name}: ${extra} bytes too many: needs ${needed} for ${shape.join(' × ')}, came ${bytes.length}`,
    )
  }
  return { shape, data: bytes.subarray(headerBytes) }
}
