import { describe, guarded, isWhole, readOptions } from '../checks.js'
import { DataError, ShapeError, SpecError } from '../errors.js'
import { bytesOfFloats, checkValues, pixelsOf, readImageShape, readLabelBytes, type ImageShape } from './pixels.js'

/**
 * Images with optional labels: what training and evaluation read.
 *
 * Pixels are bytes, which the engine keeps on the GPU as they are and divides by 255 there, or floats, which it keeps
 * as floats: real-valued data, any finite number where the likelihood is Gaussian, else numbers in [0, 1]. A `Dataset`
 * is either; `Dataset<Uint8Array>` and `Dataset<Float32Array>` say which.
 */
export interface Dataset<Pixels extends Uint8Array | Float32Array = Uint8Array | Float32Array> {
  /** `[height, width, channels]` of one image. */
  readonly shape: ImageShape
  /** Number of images. */
  readonly count: number
  /** `count · height · width · channels` pixels, row-major `[count, height, width, channels]`. */
  readonly images: Pixels
  /** One class index an image, 255 (`UNLABELED`) where it is not known; or undefined. */
  readonly labels?: Uint8Array
}

/** Images of one shape, and what they show if that is known. */
export interface DatasetOptions {
  /** Row-major `[count, height, width, channels]`: bytes 0 to 255, or floats in [0, 1]. */
  images: Uint8Array | Uint8ClampedArray | Float32Array
  /** `[height, width, channels]` of one image. */
  shape: readonly [height: number, width: number, channels: number]
  /** One class index an image, whole numbers from 0 to 255; 255 (`UNLABELED`) where a classifier is to find out. */
  labels?: Uint8Array | readonly number[]
}

/** Real-valued data: values in place of images. A table of 13 measurements has the shape `[1, 1, 13]`. */
export interface ValuesOptions extends Omit<DatasetOptions, 'images'> {
  /** Row-major `[count, height, width, channels]`, finite. */
  values: Float32Array
}

const KEYS = { images: true, values: true, shape: true, labels: true } as const

/**
 * A data set from the caller's own pixels. `images` are stored as bytes: floats are rounded to the nearest 1/255.
 * `values` are stored as the floats they are. Bytes and values are kept as they came, without a copy unless their memory
 * is shared or can be resized: they must not change afterwards.
 *
 * Throws ShapeError where a length does not fit the shape or the other array, DataError for a pixel that is not finite
 * or outside [0, 1] and for a value that is not finite (the first, with its place), and for a label that is no whole
 * number from 0 to 255; SpecError for an option that there is not.
 */
export function dataset(options: DatasetOptions): Dataset<Uint8Array>
export function dataset(options: ValuesOptions): Dataset<Float32Array>
export function dataset(options: DatasetOptions | ValuesOptions): Dataset {
  const given = readOptions<DatasetOptions & ValuesOptions>(options, 'dataset', KEYS)
  const real = given.values !== undefined
  if (real && given.images !== undefined) throw new SpecError('dataset', 'takes either images or values, not both')
  const shape = readImageShape(given.shape, 'dataset')
  const what = real ? 'dataset: values' : 'dataset: images'
  const pixels = pixelsOf(real ? given.values : given.images)
  const isFloats = pixels instanceof Float32Array
  if (!pixels || (real && !isFloats)) {
    const came = real ? given.values : given.images
    const kinds = real ? 'a Float32Array' : 'a Uint8Array or a Float32Array'
    throw new DataError(`${what} needs ${kinds}, got ${came === undefined ? 'undefined' : describe(came)}`)
  }
  const size = shape[0] * shape[1] * shape[2]
  const product = `${size} = ${shape.join(' × ')}`
  if (pixels.length === 0) throw new ShapeError(`${what} is empty, needs at least one image of ${product} values`)
  if (pixels.length % size !== 0) {
    throw new ShapeError(`${what} has ${pixels.length} values, needs a multiple of ${product}`)
  }
  const count = pixels.length / size
  const labels = given.labels === undefined ? undefined : readLabelBytes(given.labels, count, 'dataset')
  if (real) checkValues(pixels as Float32Array, shape, what)
  return made({ shape, count, images: isFloats && !real ? bytesOfFloats(pixels, shape) : pixels, labels })
}

/**
 * Images `start` to `end − 1` as a data set of their own: a view of the same memory, not a copy. (Sent to a Worker, a
 * view takes the whole memory along.) Throws DataError unless 0 ≤ start < end ≤ count.
 */
export function subset<Pixels extends Uint8Array | Float32Array>(
  data: Dataset<Pixels>,
  start: number,
  end?: number,
): Dataset<Pixels> {
  const set = readDataset<Pixels>(data, 'subset')
  return view(set, start, end === undefined ? set.count : end)
}

/** The first `count` images, or all of them where there are fewer; a view. Throws DataError unless `count` ≥ 1. */
export function take<Pixels extends Uint8Array | Float32Array>(data: Dataset<Pixels>, count: number): Dataset<Pixels> {
  const set = readDataset<Pixels>(data, 'take')
  if (!isWhole(count, 1)) {
    throw new DataError(`take: needs a whole number from 1, got ${describe(count)}`)
  }
  return view(set, 0, Math.min(count, set.count))
}

/**
 * Two views, in the order of the set: the first `fraction` of the images, rounded to whole images, and the rest. Each
 * gets at least one image. Throws DataError unless 0 < fraction < 1 and there are two images or more.
 */
export function split<Pixels extends Uint8Array | Float32Array>(
  data: Dataset<Pixels>,
  fraction: number,
): [first: Dataset<Pixels>, rest: Dataset<Pixels>] {
  const set = readDataset<Pixels>(data, 'split')
  if (!(typeof fraction === 'number' && fraction > 0 && fraction < 1)) {
    throw new DataError(`split: needs a fraction between 0 and 1, got ${describe(fraction)}`)
  }
  if (set.count < 2) throw new DataError('split: needs at least 2 images, the set has 1')
  const at = Math.min(Math.max(Math.round(set.count * fraction), 1), set.count - 1)
  return [view(set, 0, at), view(set, at, set.count)]
}

/** The pixels of images `start` to `end − 1` as a model sees them: bytes divided by 255, floats as they are. */
export function pixelValues(data: Dataset, start = 0, end = data.count): Float32Array {
  const size = data.images.length / data.count
  const pixels = data.images.subarray(start * size, end * size)
  return pixels instanceof Float32Array ? pixels.slice() : Float32Array.from(pixels, (byte) => byte / 255)
}

/** Sets that were made here: frozen, and every value in them looked at. */
const ours = new WeakSet<object>()

/** What has been read of sets that callers made by hand. */
const readings = new WeakMap<object, { parts: Parts; set: Dataset }>()

type Parts = Record<keyof Dataset, unknown>

/**
 * A data set from outside. One made by hand is read once and looked through whole; as long as it holds the same arrays
 * the same set comes back for it, so that it is uploaded once.
 * @throws DataError for what is no data set, or holds a value that cannot be; ShapeError where lengths do not fit
 */
export function readDataset<Pixels extends Uint8Array | Float32Array>(value: unknown, who: string): Dataset<Pixels> {
  const refuse = (reason: string, options?: ErrorOptions) => new DataError(`${who}: ${reason}`, options)
  const missing = () => refuse(`needs a data set, from dataset(), idx() or glyphs(), got ${describe(value)}`)
  if (typeof value !== 'object' || value === null) throw missing()
  if (ours.has(value)) return checkLength(value as Dataset<Pixels>, who)
  const parts: Parts = guarded(() => {
    const { shape, count, images, labels } = value as Parts
    return { shape, count, images, labels }
  }, refuse)
  const before = readings.get(value)
  const keys = ['shape', 'count', 'images', 'labels'] as const
  if (before && keys.every((key) => before.parts[key] === parts[key])) {
    return checkLength(before.set as Dataset<Pixels>, who)
  }
  const images = pixelsOf(parts.images)
  if (!images) throw missing()
  const shape = readImageShape(parts.shape, who)
  const { count } = parts
  if (!isWhole(count, 1)) throw refuse(`the set's count needs a whole number from 1 on, got ${describe(count)}`)
  const set = checkLength(Object.freeze({ shape, count, images }), who)
  if (images instanceof Float32Array) checkValues(images, shape, `${who}: images`)
  const labels = parts.labels === undefined ? undefined : readLabelBytes(parts.labels, count, who)
  const whole = made({ ...set, labels })
  readings.set(value, { parts, set: whole })
  return whole as Dataset<Pixels>
}

/** Also for sets made here: memory may have gone to a Worker since. @throws ShapeError */
function checkLength<Set extends Dataset>(set: Set, who: string): Set {
  const { shape, count, images } = set
  const size = shape[0] * shape[1] * shape[2]
  if (images.length === count * size) return set
  throw new ShapeError(`${who}: ${count} images of ${size} pixels need ${count * size}, got ${images.length}`)
}

function made<Pixels extends Uint8Array | Float32Array>(set: Dataset<Pixels>): Dataset<Pixels> {
  const { shape, count, images, labels } = set
  const frozen = Object.freeze({ shape: Object.freeze(shape) as ImageShape, count, images, ...(labels && { labels }) })
  ours.add(frozen)
  return frozen
}

function view<Pixels extends Uint8Array | Float32Array>(
  { shape, count, images, labels }: Dataset<Pixels>,
  start: number,
  end: number,
): Dataset<Pixels> {
  if (!isWhole(start) || !isWhole(end, start + 1, count)) {
    const came = `${describe(start)} and ${describe(end)}`
    throw new DataError(`subset: needs whole numbers 0 ≤ start < end ≤ ${count}, got ${came}`)
  }
  const size = images.length / count
  const part = images.subarray(start * size, end * size) as Pixels
  return made({ shape, count: end - start, images: part, labels: labels?.subarray(start, end) })
}
