import { DataError, glyphs, idx, split, type Dataset } from '../src/index.js'
import type { NamedBytes } from './messages.js'

/** Images to learn from, and others to look at and to validate on. */
export interface DataPair {
  name: string
  train: Dataset
  test: Dataset
}

/** The built-in drawn digits. The pictures stay the same whatever the model's seed. */
export function glyphPair(): DataPair {
  return {
    name: 'glyphs',
    train: glyphs({ count: 20_000, seed: 1 }),
    test: glyphs({ count: 1_000, seed: 2 }),
  }
}

/**
 * Chosen IDX files, told apart by MNIST's names: `train-…` and `t10k-…` (or `test-…`), `…images…` and `…labels…`.
 * Without test images the last tenth is held back.
 */
export async function filePair(files: NamedBytes[]): Promise<DataPair> {
  const find = (kind: RegExp, test: boolean) =>
    files.find(({ name }) => kind.test(name) && /t10k|test/i.test(name) === test)?.bytes
  const images = find(/image/i, false)
  if (!images) {
    const names = files.map(({ name }) => name).join(', ')
    throw new DataError(
      `open IDX files: needs an images file, e.g. train-images-idx3-ubyte.gz, and its labels if there are any; got ${names}`,
    )
  }
  const train = await idx(images, find(/label/i, false))
  const testImages = find(/image/i, true)
  if (testImages) return { name: 'your files', train, test: await idx(testImages, find(/label/i, true)) }
  const [rest, held] = split(train, 0.9)
  return { name: 'your files', train: rest, test: held }
}

/** Where to find `count` images of different classes, in the classes' order; the first ones without labels. */
export function oneOfEach({ labels, count: available }: Dataset, count: number): number[] {
  const first = new Map<number, number>()
  labels?.forEach((label, index) => first.has(label) || first.set(label, index))
  const chosen = [...first.keys()].sort((a, b) => a - b).map((label) => first.get(label)!)
  for (let index = 0; chosen.length < Math.min(count, available); index++) {
    if (!chosen.includes(index)) chosen.push(index)
  }
  return chosen.slice(0, count)
}

/** Bytes of some images, one after the other. */
export function gather({ images, shape }: Dataset, indices: readonly number[]): Uint8Array {
  const size = shape[0] * shape[1] * shape[2]
  const gathered = new Uint8Array(indices.length * size)
  indices.forEach((index, i) => gathered.set(images.subarray(index * size, (index + 1) * size), i * size))
  return gathered
}
