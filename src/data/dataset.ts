import { DataError, ShapeError } from '../errors.js'

/**
 * Images with optional labels, held as bytes: what training and evaluation read.
 * The engine keeps it on the GPU as it is and divides by 255 there.
 */
export interface Dataset {
  /** `[height, width, channels]` of one image. */
  readonly shape: [height: number, width: number, channels: number]
  /** Number of images. */
  readonly count: number
  /** `count · height · width · channels` bytes, row-major `[count, height, width, channels]`. */
  readonly images: Uint8Array
  /** One class index an image, or undefined. */
  readonly labels?: Uint8Array
}

/** Images of one shape, and what they show if that is known. */
export interface DatasetOptions {
  /** Row-major `[count, height, width, channels]`: bytes 0 to 255, or floats in [0, 1]. */
  images: Uint8Array | Uint8ClampedArray | Float32Array
  /** `[height, width, channels]` of one image. */
  shape: readonly [height: number, width: number, channels: number]
  /** One class index an image, whole numbers from 0 to 255. */
  labels?: Uint8Array | readonly number[]
}

/**
 * A data set from the caller's own pixels. Sets are stored as bytes: floats are rounded to the nearest 1/255; bytes are
 * kept as they came, without a copy, so they must not change afterwards.
 *
 * Throws ShapeError where a length does not fit the shape or the other array, DataError for a pixel that is not finite
 * or outside [0, 1] (the first one, with its place) and for a label that is no whole number from 0 to 255.
 */
export function dataset({ images, shape, labels }: DatasetOptions): Dataset {
  const [height, width, channels] = checkedShape(shape)
  const size = height * width * channels
  const product = `${size} = ${height} × ${width} × ${channels}`
  if (!(images instanceof Uint8Array || images instanceof Uint8ClampedArray || images instanceof Float32Array)) {
    throw new DataError(`dataset: images needs a Uint8Array or a Float32Array, got ${kindOf(images)}`)
  }
  if (images.length === 0) {
    throw new ShapeError(`dataset: images is empty, needs at least one image of ${product} values`)
  }
  if (images.length % size !== 0) {
    throw new ShapeError(`dataset: images has ${images.length} values, needs a multiple of ${product}`)
  }
  const count = images.length / size
  const pixels = images instanceof Float32Array ? bytesOfFloats(images, [height, width, channels]) : bytesOf(images)
  const set = { shape: [height, width, channels] as Dataset['shape'], count, images: pixels }
  return labels === undefined ? set : { ...set, labels: checkedLabels(labels, count) }
}

/**
 * Images `start` to `end − 1` as a data set of their own: a view of the same memory, not a copy. (Sent to a Worker, a
 * view takes the whole memory along.) Throws DataError unless 0 ≤ start < end ≤ count.
 */
export function subset(data: Dataset, start: number, end: number = data.count): Dataset {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start >= end || end > data.count) {
    throw new DataError(`subset: needs whole numbers 0 ≤ start < end ≤ ${data.count}, got ${start} and ${end}`)
  }
  const size = data.images.length / data.count
  return {
    shape: data.shape,
    count: end - start,
    images: data.images.subarray(start * size, end * size),
    ...(data.labels && { labels: data.labels.subarray(start, end) }),
  }
}

/** The first `count` images, or all of them where there are fewer; a view. Throws DataError unless `count` ≥ 1. */
export function take(data: Dataset, count: number): Dataset {
  if (!Number.isInteger(count) || count < 1) throw new DataError(`take: needs a whole number from 1, got ${count}`)
  return subset(data, 0, Math.min(count, data.count))
}

/**
 * Two views, in the order of the set: the first `fraction` of the images, rounded to whole images, and the rest. Each
 * gets at least one image. Throws DataError unless 0 < fraction < 1 and there are two images or more.
 */
export function split(data: Dataset, fraction: number): [first: Dataset, rest: Dataset] {
  if (!(fraction > 0 && fraction < 1)) throw new DataError(`split: needs a fraction between 0 and 1, got ${fraction}`)
  if (data.count < 2) throw new DataError('split: needs at least 2 images, the set has 1')
  const at = Math.min(Math.max(Math.round(data.count * fraction), 1), data.count - 1)
  return [subset(data, 0, at), subset(data, at)]
}

function checkedShape(shape: DatasetOptions['shape']): Dataset['shape'] {
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new ShapeError(
      `dataset: shape needs [height, width, channels], three whole numbers from 1, got ${JSON.stringify(shape)}`,
    )
  }
  return [shape[0], shape[1], shape[2]]
}

function checkedLabels(labels: Uint8Array | readonly number[], count: number): Uint8Array {
  if (!(labels instanceof Uint8Array) && !Array.isArray(labels)) {
    throw new DataError(`dataset: labels needs a Uint8Array or an array of numbers, got ${kindOf(labels)}`)
  }
  if (labels.length !== count) {
    throw new ShapeError(`dataset: labels has ${labels.length} entries, needs ${count}, one an image`)
  }
  if (labels instanceof Uint8Array) return bytesOf(labels)
  const bad = labels.findIndex((label) => !Number.isInteger(label) || label < 0 || label > 255)
  if (bad >= 0) throw new DataError(`dataset: labels[${bad}] is ${labels[bad]}, needs a whole number from 0 to 255`)
  return Uint8Array.from(labels)
}

/** The same memory as a plain Uint8Array; a Node Buffer is not one, its `slice` differs. */
function bytesOf(bytes: Uint8Array | Uint8ClampedArray): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function bytesOfFloats(images: Float32Array, shape: Dataset['shape']): Uint8Array {
  const bytes = new Uint8Array(images.length)
  for (let i = 0; i < images.length; i++) {
    const value = images[i]
    if (!(value >= 0 && value <= 1)) throw new DataError(describePixel(value, i, shape))
    bytes[i] = Math.round(value * 255)
  }
  return bytes
}

function describePixel(value: number, index: number, [height, width, channels]: Dataset['shape']): string {
  const channel = index % channels
  const column = Math.floor(index / channels) % width
  const row = Math.floor(index / (channels * width)) % height
  const image = Math.floor(index / (channels * width * height))
  const where = `image ${image}, row ${row}, column ${column}, channel ${channel}`
  let hint = ''
  if (value > 1 && value <= 255) hint = '; values up to 255 need dividing by 255, or pass them as a Uint8Array'
  if (value >= -1 && value < 0) hint = '; values from −1 to 1 need (x + 1) / 2'
  return `dataset: images has ${value} at ${where}, needs finite values from 0 to 1${hint}`
}

function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : String(value)
}
