import { cifar, DataError, glyphs, idx, ShapeError, split, take, type Dataset, type VaeSpec } from '../src/index.js'
import { coloured } from './coloured.js'
import type { NamedBytes } from './messages.js'

/** Test images shown with their reconstructions. */
export const originalCount = 10

/** Images to learn from, and others to look at and to validate on. */
export interface DataPair {
  /** What they were made or read as: glyphs, idx or cifar. */
  name: string
  train: Dataset<Uint8Array>
  test: Dataset<Uint8Array>
}

/** The built-in drawn digits. The pictures stay the same whatever the model's seed. */
export function glyphPair(): DataPair {
  return {
    name: 'glyphs',
    train: glyphs({ count: 20_000, seed: 1 }),
    test: glyphs({ count: 1_000, seed: 2 }),
  }
}

/** Grey digits of 28 × 28 × 1 on paper of 32 × 32 × 3; fewer, for they take twelve times the room. */
export function colouredPair({ name, train, test }: DataPair): DataPair {
  return { name, train: coloured(take(train, 6_000), 1), test: coloured(take(test, 320), 2) }
}

/**
 * Chosen files, told apart by their names: `….bin` is CIFAR-10's binary format, all else IDX with MNIST's names,
 * `…images…` and `…labels…`. Files of either named `t10k…` or `test…` are the test images; without them the last tenth
 * is held back.
 */
export async function filePair(files: NamedBytes[]): Promise<DataPair> {
  const ofTest = ({ name }: NamedBytes) => /t10k|test/i.test(name)
  const name = files.every((file) => /\.bin(\.gz)?$/i.test(file.name)) ? 'cifar' : 'idx'
  const read = name === 'cifar' ? readCifar : readIdx
  const train = await read(files.filter((file) => !ofTest(file)), files)
  if (files.some(ofTest)) return { name, train, test: await read(files.filter(ofTest), files) }
  const [rest, held] = split(train, 0.9)
  return { name, train: rest, test: held }
}

async function readCifar(files: NamedBytes[], all: NamedBytes[]): Promise<Dataset<Uint8Array>> {
  if (files.length === 0) throw missing('a file to learn from, e.g. data_batch_1.bin', all)
  return cifar(...files.map(({ bytes }) => bytes))
}

async function readIdx(files: NamedBytes[], all: NamedBytes[]): Promise<Dataset<Uint8Array>> {
  const find = (kind: RegExp) => files.find(({ name }) => kind.test(name))?.bytes
  const images = find(/image/i)
  if (!images) {
    throw missing('an IDX file of images, e.g. train-images-idx3-ubyte.gz, with its labels if there are any; or .bin', all)
  }
  return idx(images, find(/label/i))
}

function missing(needed: string, files: NamedBytes[]): DataError {
  return new DataError(`open files: needs ${needed}; got ${files.map(({ name }) => name).join(', ')}`)
}

/** @throws ShapeError, DataError unless a model can learn these images. */
export function checkFit({ input, classes }: VaeSpec, { train, test }: DataPair): void {
  for (const { shape, labels } of [train, test]) {
    if (String(shape) !== String(input)) {
      throw new ShapeError(`the images are ${shape.join(' × ')}, this model needs ${input.join(' × ')}`)
    }
    if (classes === undefined) continue
    if (!labels) throw new DataError('a conditional model learns from labels: open the file of labels along with the images')
    const highest = labels.reduce((most, label) => Math.max(most, label), 0)
    if (highest >= classes) {
      throw new DataError(`the labels go up to ${highest}, this model needs them from 0 to ${classes - 1}`)
    }
  }
}
