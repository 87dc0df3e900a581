import { extname } from 'node:path'
import type { Model } from '../../model/model.js'
import { sizeOf } from '../../model/shapes.js'
import { elementCount } from '../../tensor.js'
import { UsageError } from '../arguments.mjs'
import { readCsv, writeCsv } from '../files/csv.js'
import { readNpy, writeNpy } from '../files/npy.js'
import { CommandError, readWith } from '../train/failure.js'
import { writeWhole } from '../train/write-file.js'

/** What a model makes of images: means of the posterior, or codes of a code book, row by row. */
export interface CodeRows {
  /** Of a row: `[latent]`, of a recurrent model `[steps, latent]`, of codes `[height, width]`. */
  shape: number[]
  data: Float32Array | Uint32Array
  /** One a row, where they are known. */
  labels?: Uint8Array
}

/** Whether a row is codes of a code book, and how long it is. */
export function rowOf({ latent }: Model): { isCodes: boolean; width: number } {
  const isCodes = latent.type === 'vector-quantized'
  const { output } = latent
  return { isCodes, width: isCodes && output.kind === 'image' ? output.h * output.w : sizeOf(output) }
}

/** Refuses a name that says no kind of file. @throws UsageError */
export function checkCodesPath(option: string, path: string | undefined): string {
  if (path !== undefined && ['.npy', '.csv'].includes(extname(path))) return path
  throw new UsageError(`--${option} needs a file that ends in .npy or .csv${path === undefined ? '' : `, got "${path}"`}`)
}

/**
 * Writes codes: as an array, or as a table with a column for every number, z1 and on, after one for the label where
 * there is any. @throws CommandError
 */
export async function writeCodes(path: string, { shape, data, labels }: CodeRows): Promise<void> {
  const width = elementCount(shape)
  const count = data.length / width
  if (extname(path) === '.npy') return writeWhole(path, [writeNpy({ shape: [count, ...shape], data })])
  const columns = Array.from({ length: width }, (_, i) => `z${i + 1}`)
  const rows = Array.from({ length: count }, (_, n) => {
    const row = data.subarray(n * width, (n + 1) * width)
    return labels ? [labels[n], ...row] : row
  })
  await writeWhole(path, [writeCsv(labels ? ['label', ...columns] : columns, rows)])
}

/** Reads codes for a model, and the labels beside them. @throws CommandError, FormatError */
export async function readCodes(path: string, model: Model): Promise<CodeRows> {
  const { values, count, labels } = await readWith(path, extname(path) === '.npy' ? fromNpy : fromCsv)
  const { isCodes, width } = rowOf(model)
  if (count === 0 || values.length !== count * width) {
    const came = count === 0 ? 'no rows' : `rows of ${values.length / count} values`
    throw new CommandError(`${path} has ${came}, the model's codes have ${width}`)
  }
  const data = isCodes ? Uint32Array.from(values) : Float32Array.from(values)
  return { shape: [width], data, ...(labels && { labels }) }
}

interface Rows {
  values: ArrayLike<number> & Iterable<number>
  count: number
  labels?: Uint8Array
}

function fromNpy(bytes: Uint8Array): Rows {
  const { shape, data } = readNpy(bytes)
  return { values: data, count: shape[0] ?? 0 }
}

/** Without its column of labels. */
function fromCsv(bytes: Uint8Array): Rows {
  const { columns, rows, width, data } = readCsv(bytes)
  if (columns?.[0] !== 'label') return { values: data, count: rows }
  const values = data.filter((_, i) => i % width > 0)
  return { values, count: rows, labels: Uint8Array.from({ length: rows }, (_, n) => data[n * width]) }
}
