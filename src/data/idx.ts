import { FormatError } from '../errors.js'
import { dataset, type Dataset } from './dataset.js'
import { PackedFile } from './gzip.js'

const MAGIC_LABELS = 0x00000801 // unsigned bytes, one dimension
const MAGIC_IMAGES = 0x00000803 // unsigned bytes, three dimensions

const LABEL_HEADER = 4 + 4
const IMAGE_HEADER = 4 + 3 * 4

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
  const imageFile = new PackedFile(images, 'idx images')
  const labelFile = labels === undefined ? undefined : new PackedFile(labels, 'idx labels')
  // Both headers first: files that do not go together are not worth unpacking.
  const [count, height, width] = await imageShape(imageFile, labelFile)
  const labelBytes = labelFile && (await labelFile.content(LABEL_HEADER + count))
  const imageBytes = await imageFile.content(IMAGE_HEADER + count * height * width)
  const { data } = parseIdx(imageBytes, 'idx images')
  return dataset({ images: data, shape: [height, width, 1], labels: labelBytes && parseIdx(labelBytes, 'idx labels').data })
}

/** @throws FormatError unless the one file is of images, the other of as many labels */
async function imageShape(images: PackedFile, labels: PackedFile | undefined): Promise<number[]> {
  const shape = readHeader(await images.start(IMAGE_HEADER), 'idx images')
  const labelShape = labels && readHeader(await labels.start(IMAGE_HEADER), 'idx labels')
  if (shape.length !== 3) {
    const swapped = labelShape?.length === 3 ? '; the two files are swapped' : ''
    throw new FormatError(`idx images: a file of labels (magic 0x00000801), needs images (0x00000803)${swapped}`)
  }
  if (labelShape && labelShape.length !== 1) {
    throw new FormatError('idx labels: a file of images (magic 0x00000803), needs labels (0x00000801)')
  }
  const [count, height, width] = shape
  if (count * height * width === 0) {
    throw new FormatError(`idx images: no pixels: ${count} images of ${height} × ${width}`)
  }
  if (labelShape && labelShape[0] !== count) {
    throw new FormatError(`idx labels: ${labelShape[0]} labels, needs ${count}, one per image`)
  }
  return shape
}

/**
 * Parses an unpacked IDX file of images or labels. Throws FormatError, which begins with `name`, unless magic number,
 * dimensions and length agree to the byte.
 */
export function parseIdx(bytes: Uint8Array, name = 'idx'): IdxArray {
  const shape = readHeader(bytes, name)
  const headerBytes = 4 + 4 * shape.length
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

/** The dimensions. @throws FormatError for another magic number, or where the header is not all there */
function readHeader(bytes: Uint8Array, name: string): number[] {
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
  const headerBytes = magic === MAGIC_IMAGES ? IMAGE_HEADER : LABEL_HEADER
  if (bytes.length < headerBytes) {
    throw new FormatError(`${name}: truncated: needs a header of ${headerBytes} bytes, came ${bytes.length}`)
  }
  return Array.from({ length: magic & 0xff }, (_, axis) => view.getUint32(4 + 4 * axis))
}
