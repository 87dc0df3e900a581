import { mkdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { UsageError, type Given } from '../arguments.mjs'
import { toBytes } from '../drawing/bytes.js'
import { writeNpy } from '../files/npy.js'
import { tile, writePng } from '../files/png.js'
import { CommandError, fileError } from '../train/failure.js'
import { writeWhole } from '../train/write-file.js'

type Shape = readonly [height: number, width: number, channels: number]

/** Options of every command that gives images. */
export const OUT_OPTIONS = ['out', 'columns']
export const outUsage = `  --out PATH            x.png: one sheet; x.npy: an array [count, height, width, channels];
                        any other name: a folder with a PNG file each
  --columns N           of the sheet (as many as make it about square)`

/** Where the images of a command line go, checked before anything is computed. */
export interface ImagesOut {
  path: string
  columns?: number
}

/** @throws UsageError @throws CommandError where the images are no picture's */
export function imagesOut(given: Given, [, , channels]: Shape, otherwise?: string): ImagesOut {
  const path = given.text('out') ?? otherwise
  if (path === undefined) throw new UsageError('--out says where the images go: a folder, a file.png or a file.npy')
  if (extname(path) !== '.npy' && channels !== 1 && channels !== 3) {
    throw new CommandError(`--out: images of ${channels} channels are no picture's; name a file that ends in .npy`)
  }
  return { path, columns: given.whole('columns') }
}

/**
 * Writes images. @param above images of the same number and shape, which a sheet shows above each row
 * @returns what was written, in words @throws CommandError where it cannot be
 */
export async function writeImages(
  { path, columns }: ImagesOut,
  images: Float32Array,
  shape: Shape,
  above?: Float32Array,
): Promise<string> {
  const size = shape[0] * shape[1] * shape[2]
  const count = images.length / size
  if (extname(path) === '.npy') {
    await writeWhole(path, [writeNpy({ shape: [count, ...shape], data: images })])
    return `${path}: ${count} images`
  }
  if (extname(path) === '.png') {
    const across = Math.min(count, columns ?? Math.ceil(Math.sqrt(above ? 2 * count : count)))
    const bytes = above ? interleaved([above, images].map(toBytes), across * size) : toBytes(images)
    const sheet = tile(bytes, shape, across)
    await writeWhole(path, [writePng(sheet.data, sheet.shape)])
    return `${path}: ${count} images${above ? ', each below the one that it reconstructs' : ''}`
  }
  await mkdir(path, { recursive: true }).catch((error) => {
    throw fileError(path, 'made', error)
  })
  const digits = String(count - 1).length
  for (let n = 0; n < count; n++) {
    const bytes = toBytes(images.subarray(n * size, (n + 1) * size))
    await writeWhole(join(path, `${String(n).padStart(digits, '0')}.png`), [writePng(bytes, shape)])
  }
  return `${path}: ${count} PNG files`
}

/** Rows of the two in turns; a last row that is short is filled up with white. */
function interleaved([above, below]: Uint8Array[], rowLength: number): Uint8Array {
  const rows = Math.ceil(above.length / rowLength)
  const bytes = new Uint8Array(2 * rows * rowLength).fill(255)
  for (let row = 0; row < rows; row++) {
    const range = [row * rowLength, (row + 1) * rowLength] as const
    bytes.set(above.subarray(...range), 2 * row * rowLength)
    bytes.set(below.subarray(...range), (2 * row + 1) * rowLength)
  }
  return bytes
}
