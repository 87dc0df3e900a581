import { pixelValues } from '../../data/dataset.js'
import { subset, take, type Dataset, type VaeSpec } from '../../index.js'
import { UsageError, type Given } from '../arguments.mjs'
import { DATASET_NAMES } from '../datasets.js'
import { loadDataFor } from '../train/inputs.js'

/** Images that are worked on at a time. */
const AT_ONCE = 512

const SETS = ['test', 'train'] as const

/** Options of every command that takes images. */
export const IMAGE_OPTIONS = ['data', 'set', 'count']
export const imagesUsage = `  --data NAME|PATH      ${DATASET_NAMES.join(', ')}, or a folder with MNIST's four IDX files,
                        CIFAR-10's binary batches, or PNG or JPEG files; a .npy or .csv file
  --set NAME            ${SETS.join(' or ')} (${SETS[0]})
  --count N             the first N images of it (all)`

/** Images of a data set for a model, with what they are called. */
export interface Images {
  name: string
  set: Dataset
}

/** The images that a command line asks for. @throws UsageError where the model cannot take them */
export async function imagesFor({ spec }: { spec: VaeSpec }, given: Given): Promise<Images> {
  const data = given.text('data')
  if (data === undefined) {
    throw new UsageError(`--data is missing; there are ${DATASET_NAMES.join(', ')}, or name a folder with IDX files`)
  }
  const count = given.whole('count')
  const which = given.oneOf('set', SETS) ?? SETS[0]
  const loaded = await loadDataFor(spec, data)
  const set = count === undefined ? loaded[which] : take(loaded[which], count)
  if (String(set.shape) !== String(spec.input)) {
    throw new UsageError(`--data: images are ${set.shape.join(' × ')}, the model needs ${spec.input.join(' × ')}`)
  }
  if (spec.classes && !spec.classifier && !set.labels) {
    throw new UsageError('--data: the model is conditional and needs labels')
  }
  return { name: `the ${which} images of ${loaded.name}`, set }
}

/** Works through a set some hundred images at a time, with their labels where the model takes any. */
export async function inParts<T>(
  { classes }: VaeSpec,
  set: Dataset,
  work: (images: Float32Array, options: { labels?: Uint8Array }) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  for (const [first, end] of partsOf(set.count)) {
    const part = subset(set, first, end)
    results.push(await work(pixelValues(part), classes && part.labels ? { labels: part.labels } : {}))
  }
  return results
}

/** Where the parts of `count` rows begin and end that are worked on at a time. */
export function partsOf(count: number): [first: number, end: number][] {
  return Array.from({ length: Math.ceil(count / AT_ONCE) }, (_, part) => {
    return [part * AT_ONCE, Math.min((part + 1) * AT_ONCE, count)]
  })
}

/** What parts have, in one array. */
export function joined<Values extends Float32Array | Uint32Array>(parts: readonly Values[]): Values {
  const Joined = parts[0].constructor as new (length: number) => Values
  const whole = new Joined(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
