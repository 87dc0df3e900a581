import { bytesOf, floatsOf } from '../arrays.js'
import { describe, guarded, isWhole } from '../checks.js'
import { DataError, ShapeError } from '../errors.js'

/** `[height, width, channels]` of one image. */
export type ImageShape = [height: number, width: number, channels: number]

/** A copy of an image's shape. @throws ShapeError unless it is three whole numbers from 1 on */
export function readImageShape(value: unknown, who: string): ImageShape {
  const refuse = (reason: string, options?: ErrorOptions) => new ShapeError(`${who}: shape ${reason}`, options)
  return guarded(() => {
    const sizes: unknown = Array.isArray(value) && value.length === 3 ? [...value] : undefined
    if (!isSizes(sizes)) {
      const came = Array.isArray(value) && value.length <= 8 ? `[${value.map(describe)}]` : describe(value)
      throw refuse(`needs [height, width, channels], three whole numbers from 1, got ${came}`)
    }
    if (!isWhole(sizes[0] * sizes[1] * sizes[2], 1)) throw refuse(`[${sizes}] is larger than any image`)
    return sizes
  }, refuse)
}

function isSizes(value: unknown): value is ImageShape {
  return Array.isArray(value) && value.every((size) => isWhole(size, 1))
}

/** Bytes, or floats, as a plain array. */
export function pixelsOf(value: unknown): Uint8Array | Float32Array | undefined {
  return floatsOf(value) ?? bytesOf(value)
}

/** A label an image, as bytes. @throws DataError for what is no label, ShapeError for another number of them */
export function readLabelBytes(value: unknown, count: number, who: string): Uint8Array {
  const refuse = (reason: string, options?: ErrorOptions) => new DataError(`${who}: labels ${reason}`, options)
  return guarded(() => {
    const bytes = bytesOf(value)
    if (!bytes && !Array.isArray(value)) throw refuse(`needs a Uint8Array or an array of numbers, got ${describe(value)}`)
    const labels: ArrayLike<unknown> = bytes ?? (value as unknown[])
    if (labels.length !== count) {
      throw new ShapeError(`${who}: labels has ${labels.length} entries, needs ${count}, one per image`)
    }
    if (bytes) return bytes
    const numbers: unknown[] = Array.from(labels)
    const bad = numbers.findIndex((label) => !isWhole(label, 0, 255))
    if (bad < 0) return Uint8Array.from(numbers as number[])
    throw new DataError(`${who}: labels[${bad}] is ${describe(numbers[bad])}, needs a whole number from 0 to 255`)
  }, refuse)
}

/** Floats in [0, 1] rounded to the nearest 1/255. @throws DataError naming the first that is not finite or outside */
export function bytesOfFloats(images: Float32Array, shape: ImageShape): Uint8Array {
  const bytes = new Uint8Array(images.length)
  for (let i = 0; i < images.length; i++) {
    const value = images[i]
    if (!(value >= 0 && value <= 1)) throw new DataError(describePixel(value, i, shape))
    bytes[i] = Math.round(value * 255)
  }
  return bytes
}

/** @throws DataError naming the first value that is not finite */
export function checkValues(values: Float32Array, shape: ImageShape, what: string): void {
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return
  throw new DataError(`${what} has ${values[bad]} at ${placeOf(bad, shape)}, needs finite numbers`)
}

/** @throws DataError naming the first value outside [0, 1] */
export function checkUnitValues(values: Float32Array, shape: ImageShape, what: string): void {
  const bad = values.findIndex((value) => !(value >= 0 && value <= 1))
  if (bad < 0) return
  const way = 'this likelihood needs numbers from 0 to 1, a Gaussian likelihood takes any'
  throw new DataError(`${what} has ${values[bad]} at ${placeOf(bad, shape)}; ${way}`)
}

function describePixel(value: number, index: number, shape: ImageShape): string {
  let hint = ''
  if (value > 1 && value <= 255) hint = '; values up to 255 need dividing by 255, or pass them as a Uint8Array'
  else if (value >= -1 && value < 0) hint = '; values from −1 to 1 need (x + 1) / 2'
  else if (Number.isFinite(value)) hint = '; real-valued data is passed as `values`'
  return `dataset: images has ${value} at ${placeOf(index, shape)}, needs finite values from 0 to 1${hint}`
}

function placeOf(index: number, [height, width, channels]: ImageShape): string {
  const channel = index % channels
  const column = Math.floor(index / channels) % width
  const row = Math.floor(index / (channels * width)) % height
  const image = Math.floor(index / (channels * width * height))
  return `image ${image}, row ${row}, column ${column}, channel ${channel}`
}
