import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import { dataset, DataError, type Dataset } from '../index.js'
import type { AnyDataset, LoadedDataset } from './datasets.js'
import { readCsv } from './files/csv.js'
import { readNpy, type NpyArray } from './files/npy.js'
import { readPicture } from './files/picture.js'
import { fileError, readWith } from './train/failure.js'

// Data of a user's own: arrays, tables, folders of pictures.

type Shape = [height: number, width: number, channels: number]

/** A set as it was read; the path is that of its file or folder. */
interface Raw {
  path: string
  values: NpyArray['data']
  shape: Shape
  labels?: number[]
}

interface RawData {
  name: string
  train: Raw
  test: Raw
}

/** Of a set that is not divided yet, every tenth image is for testing. */
const TEST_EVERY = 10

/**
 * The data at a path, or undefined where it is none of these:
 *
 * - `x.npy`: `[count, height, width]`, `[count, height, width, channels]` or `[count, values]`; labels are in
 *   `x-labels.npy`, where that is beside it;
 * - `x.csv`: a row an image; a column `label` says its class;
 * - a folder of PNG or JPEG files of one size, or of such folders, one a class, in the order of their names;
 * - a folder with two of these, called `train` and `test`.
 *
 * Rows of a square number of values are square images of one channel, others `[1, 1, values]`. Where there is one set
 * only, every tenth image is for testing. Whole numbers up to 255, of which one is more than 1, are bytes; others are
 * kept as the finite numbers that they are.
 * @throws DataError, FormatError, CommandError that name the file
 */
export async function ownData(path: string): Promise<AnyDataset | undefined> {
  const data = await rawData(path)
  if (!data) return undefined
  if (areBytes(data)) return pixelsOf(data, true)
  const real = (set: Raw) => {
    return made(set, () => dataset({ values: Float32Array.from(set.values), shape: set.shape, labels: set.labels }))
  }
  return { name: data.name, train: real(data.train), test: real(data.test) }
}

/**
 * `ownData` as pixels: bytes, or numbers from 0 to 1, which are rounded to bytes.
 * @throws DataError also for other numbers
 */
export async function ownPixels(path: string): Promise<LoadedDataset | undefined> {
  const data = await rawData(path)
  return data && pixelsOf(data, areBytes(data))
}

/** Two sets alike, or undefined where there are none. @throws DataError, FormatError, CommandError */
async function rawData(path: string): Promise<RawData | undefined> {
  const name = basename(resolve(path)).replace(/\.(npy|csv)$/, '')
  const [train, test] = ['train', 'test'].map((part) => {
    return [`${part}.npy`, `${part}.csv`, part].map((file) => join(path, file)).find(existsSync)
  })
  if (train && test) {
    const [first, second] = [await readSet(train), await readSet(test)]
    if (String(first.shape) === String(second.shape)) return { name, train: first, test: second }
    const [a, b] = [first, second].map(({ shape }) => shape.join(' × '))
    throw new DataError(`${path}: the images to train on are ${a}, those to test ${b}; they must be alike`)
  }
  return (await isSet(path)) ? { name, ...divided(await readSet(path)) } : undefined
}

function areBytes({ train, test }: RawData): boolean {
  const all = [train.values, test.values]
  if (all.every((values) => values instanceof Uint8Array)) return true
  const isByte = (value: number) => Number.isInteger(value) && value >= 0 && value <= 255
  return all.every((values) => values.every(isByte)) && all.some((values) => values.some((value) => value > 1))
}

/** @throws DataError for numbers that are no pixels */
function pixelsOf(data: RawData, asBytes: boolean): LoadedDataset {
  const pixels = (set: Raw) => {
    const { path, values, shape, labels } = set
    const bad = asBytes ? undefined : values.find((value) => !(value >= 0 && value <= 1))
    if (bad !== undefined) {
      const way = 'other numbers go with a Gaussian likelihood'
      throw new DataError(`${path}: has the value ${bad}, needs whole numbers from 0 to 255, or numbers from 0 to 1; ${way}`)
    }
    const images = asBytes ? Uint8Array.from(values) : Float32Array.from(values)
    return made(set, () => dataset({ images, shape, labels }))
  }
  return { name: data.name, train: pixels(data.train), test: pixels(data.test) }
}

/** What `make` makes of a set. @throws DataError that names the file */
function made<Pixels extends Uint8Array | Float32Array>({ path }: Raw, make: () => Dataset<Pixels>): Dataset<Pixels> {
  try {
    return make()
  } catch (cause) {
    throw cause instanceof Error ? new DataError(`${path}: ${cause.message}`, { cause }) : cause
  }
}

async function isSet(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  if (!statSync(path).isDirectory()) return ['.npy', '.csv'].includes(extname(path))
  return (await pictureFiles(path)).length > 0
}

function readSet(path: string): Promise<Raw> {
  return statSync(path).isDirectory() ? readPictures(path) : extname(path) === '.npy' ? readArray(path) : readTable(path)
}

async function readArray(path: string): Promise<Raw> {
  const { shape, data } = await readWith(path, readNpy)
  if (shape.length < 2 || shape.length > 4) {
    throw new DataError(`${path}: has the shape [${shape.join(', ')}], needs [count, height, width, channels]`)
  }
  const beside = path.replace(/\.npy$/, '-labels.npy')
  const labels = existsSync(beside) ? Array.from((await readWith(beside, readNpy)).data) : undefined
  const [, height, width, channels = 1] = shape
  return { path, values: data, shape: shape.length === 2 ? rowShape(shape[1]) : [height, width, channels], labels }
}

async function readTable(path: string): Promise<Raw> {
  const { columns, width, rows, data } = await readWith(path, readCsv)
  const at = columns?.findIndex((column) => column.toLowerCase() === 'label') ?? -1
  if (at < 0) return { path, values: data, shape: rowShape(width) }
  const labels = Array.from({ length: rows }, (_, row) => data[row * width + at])
  return { path, values: data.filter((_, i) => i % width !== at), shape: rowShape(width - 1), labels }
}

/** Of one channel where every picture is grey, else of three. */
async function readPictures(folder: string): Promise<Raw> {
  const files = await pictureFiles(folder)
  if (files.length === 0) throw new DataError(`${folder}: has no PNG or JPEG files`)
  const pictures = []
  for (const { path } of files) {
    const picture = await readWith(path, readPicture)
    const { width, height } = pictures[0] ?? picture
    if (picture.width !== width || picture.height !== height) {
      const [came, needed] = [picture, { width, height }].map((one) => `${one.width} × ${one.height}`)
      throw new DataError(`${path} is ${came} pixels, ${files[0].path} ${needed}; scale them to one size`)
    }
    pictures.push(picture)
  }
  const isGrey = pictures.every(({ data }) => data.every((value, i) => value === data[i - (i % 3)]))
  const [{ width, height }] = pictures
  const channels = isGrey ? 1 : 3
  const images = new Uint8Array(files.length * width * height * channels)
  pictures.forEach(({ data }, n) => {
    images.set(isGrey ? data.filter((_, i) => i % 3 === 0) : data, n * width * height * channels)
  })
  const labels = files.flatMap(({ label }) => label ?? [])
  return { path: folder, values: images, shape: [height, width, channels], ...(labels.length > 0 && { labels }) }
}

/** The pictures in a folder, or in the folders in it, one a class. */
async function pictureFiles(folder: string): Promise<{ path: string; label?: number }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw fileError(folder, 'read', error)
  })
  const names = entries.map(({ name }) => name).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const own = names.filter(isPicture).map((name) => ({ path: join(folder, name) }))
  if (own.length > 0) return own
  const folders = names.filter((name) => entries.some((entry) => entry.name === name && entry.isDirectory()))
  const all = await Promise.all(folders.map(async (name) => {
    const files = (await readdir(join(folder, name))).filter(isPicture).sort()
    return files.map((file) => join(folder, name, file))
  }))
  return all.filter((files) => files.length > 0).flatMap((files, label) => files.map((path) => ({ path, label })))
}

function isPicture(name: string): boolean {
  return ['.png', '.jpg', '.jpeg'].includes(extname(name).toLowerCase()) && !name.startsWith('.')
}

function rowShape(values: number): Shape {
  const side = Math.sqrt(values)
  return Number.isInteger(side) ? [side, side, 1] : [1, 1, values]
}

/** Every tenth image for testing, of fewer the last one. @throws DataError where there is one image only */
function divided({ path, values, labels, shape }: Raw): { train: Raw; test: Raw } {
  const size = shape[0] * shape[1] * shape[2]
  const count = values.length / size
  if (count < 2) throw new DataError(`${path}: has one image; needs two at least, one of them for testing`)
  const isTest = (n: number) => (count < TEST_EVERY ? n === count - 1 : n % TEST_EVERY === TEST_EVERY - 1)
  const part = (test: boolean): Raw => ({
    path,
    values: values.filter((_, i) => isTest(Math.floor(i / size)) === test),
    shape,
    ...(labels && { labels: labels.filter((_, n) => isTest(n) === test) }),
  })
  return { train: part(false), test: part(true) }
}
