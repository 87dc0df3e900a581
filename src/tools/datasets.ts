import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { cifar } from '../data/cifar.js'
import { subset, type Dataset } from '../data/dataset.js'
import { glyphs } from '../data/glyphs.js'
import { idx } from '../data/idx.js'
import { DataError, FormatError } from '../errors.js'
import { download, readKnownFile, type KnownFile } from './download.js'
import { progressBar, type DownloadProgress } from './progress-bar.js'

/** Where a data set's files are or may be put, and who hears of a download. */
export interface LoadOptions {
  /**
   * A folder with the set's files; nothing is downloaded then. The files may also lie in a folder in it named as the
   * set.
   */
  data?: string
  /** Where downloads are kept. Default: `$XDG_CACHE_HOME/elbo`, or `~/.cache/elbo`. */
  cache?: string
  /** Called as bytes arrive. Default: a bar on stderr. */
  onProgress?: (progress: DownloadProgress) => void
  /** Default: the platform's. */
  fetch?: typeof fetch
  /** A mirror that sends nothing for so long is given up. Default: 30,000. */
  idleMs?: number
}

/** Images to learn from, and those to judge by. */
export interface LoadedDataset<Pixels extends Uint8Array | Float32Array = Uint8Array> {
  name: string
  train: Dataset<Pixels>
  test: Dataset<Pixels>
}

/** Also real-valued data. */
export type AnyDataset = LoadedDataset<Uint8Array | Float32Array>

/** A set of four IDX files, known by their content. */
export interface IdxSource {
  name: string
  trainImages: KnownFile
  trainLabels: KnownFile
  testImages: KnownFile
  testLabels: KnownFile
  /** Folders of system packages that have the files. */
  systemFolders: readonly string[]
  /** Addresses to which a file's name and `.gz` are appended. */
  mirrors: readonly string[]
}

/** Handwritten digits, 60,000 + 10,000 of 28 × 28 × 1. LeCun, Cortes, Burges; CC BY-SA 3.0. */
const MNIST: IdxSource = {
  name: 'mnist',
  ...idxFiles({
    trainImages: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    trainLabels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    testImages: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    testLabels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  }),
  systemFolders: [],
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
}

/** Pictures of clothes, 60,000 + 10,000 of 28 × 28 × 1. Zalando; MIT. */
const FASHION_MNIST: IdxSource = {
  name: 'fashion-mnist',
  ...idxFiles({
    trainImages: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    trainLabels: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    testImages: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    testLabels: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  }),
  systemFolders: ['/usr/share/datasets/fashion-mnist'], // Debian's package dataset-fashion-mnist
  mirrors: [
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  ],
}

const LOADERS: Record<string, (options: LoadOptions) => Promise<LoadedDataset>> = {
  mnist: (options) => loadIdxSource(MNIST, options),
  'fashion-mnist': (options) => loadIdxSource(FASHION_MNIST, options),
  glyphs: loadGlyphs,
  cifar10: loadCifar,
}

/** The names that `loadDataset` knows. */
export const DATASET_NAMES: readonly string[] = Object.keys(LOADERS)

/**
 * A named set with its training and test images. For Node 20 and later.
 *
 * - `mnist`, `fashion-mnist`: from `data`, where any four IDX files under the usual names do (gzipped or not, unchecked
 * but
 *   for their format); else from Debian's package, the cache or a download, with their SHA-256 checked.
 * - `glyphs`: 20,000 + 2,000 drawn digits, made on the spot; `data` and `cache` are not looked at.
 * - `cifar10`: from `data` only: CIFAR-10's binary version.
 *
 * Throws DataError when the files are nowhere to be had, with all that was tried; FormatError for a file in `data` that
 * is not what its name says.
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<LoadedDataset> {
  if (!Object.hasOwn(LOADERS, name)) {
    throw new DataError(`no data set is called "${name}"; there are ${DATASET_NAMES.join(', ')}`)
  }
  return LOADERS[name](options)
}

/** `loadDataset` for four IDX files of the caller's choice. */
export async function loadIdxSource(source: IdxSource, options: LoadOptions = {}): Promise<LoadedDataset> {
  const get = options.data === undefined
    ? (file: KnownFile) => getKnownFile(source, file, options)
    : (file: KnownFile) => readFromFolder(source.name, options.data!, file)
  const { name } = source
  const read = async (files: string, images: KnownFile, labels: KnownFile) =>
    naming(`${name} ${files}`, idx(await get(images), await get(labels)))
  const train = await read('training files', source.trainImages, source.trainLabels)
  const test = await read('test files', source.testImages, source.testLabels)
  return { name, train, test }
}

async function getKnownFile(source: IdxSource, file: KnownFile, options: LoadOptions): Promise<Uint8Array> {
  const tried: string[] = []
  for (const folder of source.systemFolders) {
    const bytes = await readKnownFile(file, join(folder, `${file.name}.gz`), tried)
    if (bytes) return bytes
  }
  const cache = options.cache ?? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'elbo')
  try {
    return await download(file, {
      urls: source.mirrors.map((mirror) => `${mirror}${file.name}.gz`),
      cachePath: join(cache, source.name, file.name),
      onProgress: options.onProgress ?? progressBar(process.stderr),
      onWarning: (message) => process.stderr.write(`${source.name}: ${message}\n`),
      fetch: options.fetch ?? fetch,
      idleMs: options.idleMs ?? 30_000,
    })
  } catch (cause) {
    throw new DataError(
      `${source.name}: ${(cause as Error).message}\n` +
      'Put the four files into a folder and name it with --data DIR, or take "glyphs", which needs no download.',
      { cause },
    )
  }
}

async function readFromFolder(name: string, folder: string, file: KnownFile): Promise<Uint8Array> {
  const dotted = file.name.replace(/-(?=idx)/, '.')
  const names = [file.name, `${file.name}.gz`, dotted, `${dotted}.gz`]
  const path = [folder, join(folder, name)].flatMap((place) => names.map((one) => join(place, one))).find(existsSync)
  if (path === undefined) throw new DataError(`${name}: ${folder} has none of ${names.join(', ')}`)
  return readFile(path)
}

async function loadGlyphs(): Promise<LoadedDataset> {
  const all = glyphs({ count: 22_000 })
  return { name: 'glyphs', train: subset(all, 0, 20_000), test: subset(all, 20_000) }
}

async function loadCifar({ data }: LoadOptions): Promise<LoadedDataset> {
  if (data === undefined) {
    throw new DataError(
      'cifar10: is not downloaded; unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz ' +
      'and name the folder with --data DIR',
    )
  }
  for (const folder of [data, join(data, 'cifar10'), join(data, 'cifar-10-batches-bin')]) {
    const numbered = await batches(folder, /^data_batch_\d+\.bin(\.gz)?$/)
    const train = numbered.length > 0 ? numbered : await batches(folder, /^train_batch\.bin(\.gz)?$/)
    const test = await batches(folder, /^test_batch\.bin(\.gz)?$/)
    if (train.length === 0 || test.length === 0) continue
    const read = async (paths: string[]) =>
      naming(paths.join(', '), cifar(...await Promise.all(paths.map((path) => readFile(path)))))
    return { name: 'cifar10', train: await read(train), test: await read(test) }
  }
  throw new DataError(
    `cifar10: ${data} needs test_batch.bin and data_batch_1.bin … data_batch_5.bin or train_batch.bin (.gz or not)`,
  )
}

/** The paths of a folder's files of this pattern by name, one of `x` and `x.gz`. */
async function batches(folder: string, pattern: RegExp): Promise<string[]> {
  const names = existsSync(folder) ? (await readdir(folder)).filter((name) => pattern.test(name)).sort() : []
  const chosen = names.filter((name) => !name.endsWith('.gz') || !names.includes(name.slice(0, -3)))
  return chosen.map((name) => join(folder, name))
}

/** Puts in front of a FormatError which files it is about. */
async function naming(files: string, set: Promise<Dataset<Uint8Array>>): Promise<Dataset<Uint8Array>> {
  try {
    return await set
  } catch (cause) {
    throw cause instanceof FormatError ? new FormatError(`${files}: ${cause.message}`, { cause }) : cause
  }
}

function idxFiles(sums: Record<'trainImages' | 'trainLabels' | 'testImages' | 'testLabels', string>) {
  const images = (name: string, count: number, sha256: string) => ({ name, sizeBytes: 16 + count * 28 * 28, sha256 })
  const labels = (name: string, count: number, sha256: string) => ({ name, sizeBytes: 8 + count, sha256 })
  return {
    trainImages: images('train-images-idx3-ubyte', 60_000, sums.trainImages),
    trainLabels: labels('train-labels-idx1-ubyte', 60_000, sums.trainLabels),
    testImages: images('t10k-images-idx3-ubyte', 10_000, sums.testImages),
    testLabels: labels('t10k-labels-idx1-ubyte', 10_000, sums.testLabels),
  }
}
