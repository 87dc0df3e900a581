import { DataError, ShapeError } from '../errors.js'

/**
 * Images with optional labels: what training and evaluation read.
 *
 * Pixels are bytes, which the engine keeps on the GPU as they are and divides by 255 there, or floats, which it keeps
 * as floats: real-valued data, any finite number where the likelihood is Gaussian, else numbers in [0, 1]. A `Dataset`
 * is either; `Dataset<Uint8Array>` and `Dataset<Float32Array>` say which.
 */
export interface Dataset<Pixels extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  /** `[height, width, channels]` of one image. */
  readonly shape: [height: number, width: number, channels: number]
  /** Number of images. */
  readonly count: number
  /** `count · height · width · channels` pixels, row-major `[count, height, width, channels]`. */
  readonly images: Pixels
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

/** Real-valued data: values in place of images. A table of 13 measurements has the shape `[1, 1, 13]`. */
export interface ValuesOptions extends Omit<DatasetOptions, 'images'> {
  /** Row-major `[count, height, width, channels]`, finite. */
  values: Float32Array
}

/**
 * A data set from the caller's own pixels. `images` are stored as bytes: floats are rounded to the nearest 1/255.
 * `values` are stored as the floats they are. Bytes and values are kept as they came, without a copy: they must not
 * change afterwards.
 *
 * Throws ShapeError where a length does not fit the shape or the other array, DataError for a pixel that is not finite
 * or outside [0, 1] and for a value that is not finite (the first, with its place), and for a label that is no whole
 * number from 0 to 255.
 */
export function dataset(options: DatasetOptions): Dataset<Uint8Array>
export function dataset(options: ValuesOptions): Dataset<Float32Array>
export function dataset(options: DatasetOptions | ValuesOptions): Dataset {
  const [height, width, channels] = checkedShape(options.shape)
  const shape: Dataset['shape'] = [height, width, channels]
  const real = 'values' in options
  const given = real ? options.values : options.images
  const size = height * width * channels
  const product = `${size} = ${height} × ${width} × ${channels}`
  const what = real ? 'values' : 'images'
  const isFloats = given instanceof Float32Array
  if (!isFloats && (real || !(given instanceof Uint8Array || given instanceof Uint8ClampedArray))) {
    throw new DataError(`dataset: ${what} needs a ${real ? '' : 'Uint8Array or a '}Float32Array, got ${kindOf(given)}`)
  }
  if (given.length === 0) {
    throw new ShapeError(`dataset: ${what} is empty, needs at least one image of ${product} values`)
  }
  if (given.length % size !== 0) {
    throw new ShapeError(`dataset: ${what} has ${given.length} values, needs a multiple of ${product}`)
  }
  const count = given.length / size
  let images: Uint8Array | Float32Array
  if (!isFloats) images = bytesOf(given)
  else images = real ? checkedValues(given, shape) : bytesOfFloats(given, shape)
  const set = { shape, count, images }
  return options.labels === undefined ? set : { ...set, labels: checkedLabels(options.labels, count) }
}

/**
 * Images `start` to `end − 1` as a data set of their own: a view of the same memory, not a copy. (Sent to a Worker, a
 * view takes the whole memory along.) Throws DataError unless 0 ≤ start < end ≤ count.
 */
export function subset<Pixels extends Uint8Array | Float32Array>(
  data: Dataset<Pixels>,
  start: number,
  end: number = data.count,
): Dataset<Pixels> {
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start >= end || end > data.count) {
    throw new DataError(`subset: needs whole numbers 0 ≤ start < end ≤ ${data.count}, got ${start} and ${end}`)
  }
  const size = data.images.length / data.count
  return {
    shape: data.shape,
    count: end - start,
    images: data.images.subarray(start * size, end * size) as Pixels,
    ...(data.labels && { labels: data.labels.subarray(start, end) }),
  }
}

/** The first `count` images, or all of them where there are fewer; a view. Throws DataError unless `count` ≥ 1. */
export function take<Pixels extends Uint8Array | Float32Array>(data: Dataset<Pixels>, count: number): Dataset<Pixels> {
  if (!Number.isInteger(count) || count < 1) throw new DataError(`take: needs a whole number from 1, got ${count}`)
  return subset(data, 0, Math.min(count, data.count))
}

/**
 * Two views, in the order of the set: the first `fraction` of the images, rounded to whole images, and the rest. Each
 * gets at least one image. Throws DataError unless 0 < fraction < 1 and there are two images or more.
 */
export function split<Pixels extends Uint8Array | Float32Array>(
  data: Dataset<Pixels>,
  fraction: number,
): [first: Dataset<Pixels>, rest: Dataset<Pixels>] {
  if (!(fraction > 0 && fraction < 1)) throw new DataError(`split: needs a fraction between 0 and 1, got ${fraction}`)
  if (data.count < 2) throw new DataError('split: needs at least 2 images, the set has 1')
  const at = Math.min(Math.max(Math.round(data.count * fraction), 1), data.count - 1)
  return [subset(data, 0, at), subset(data, at)]
}

/** The pixels of images `start` to `end − 1` as a model sees them: bytes divided by 255, floats as they are. */
export function pixelValues(data: Dataset, start = 0, end = data.count): Float32Array {
  const size = data.images.length / data.count
  const pixels = data.images.subarray(start * size, end * size)
  return pixels instanceof Float32Array ? pixels.slice() : Float32Array.from(pixels, (byte) => byte / 255)
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

/** The values themselves, once each is known to be finite. */
function checkedValues(values: Float32Array, shape: Dataset['shape']): Float32Array {
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return values
  throw new DataError(`dataset: values has ${values[bad]} at ${placeOf(bad, shape)}, needs finite numbers`)
}

function describePixel(value: number, index: number, shape: Dataset['shape']): string {
  let hint = ''
  if (value > 1 && value <= 255) hint = '; values up to 255 need dividing by 255, or pass them as a Uint8Array'
  else if (value >= -1 && value < 0) hint = '; values from −1 to 1 need (x + 1) / 2'
  else if (Number.isFinite(value)) hint = '; real-valued data is passed as `values`'
  return `dataset: images has ${value} at ${placeOf(index, shape)}, needs finite values from 0 to 1${hint}`
}

function placeOf(index: number, [height, width, channels]: Dataset['shape']): string {
  const channel = index % channels
  const column = Math.floor(index / channels) % width
  const row = Math.floor(index / (channels * width)) % height
  const image = Math.floor(index / (channels * width * height))
  return `image ${image}, row ${row}, column ${column}, channel ${channel}`
}

function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? value.constructor.name : String(value)
}
