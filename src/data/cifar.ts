import { FormatError } from '../errors.js'
import { dataset, type Dataset } from './dataset.js'
import { PackedFile } from './gzip.js'

const SIDE = 32
const PLANE = SIDE * SIDE
const RECORD_BYTES = 1 + 3 * PLANE

/** Enough to tell an archive. */
const START_BYTES = 512

/** CIFAR-10 has so many images; its files do not say how many they hold, so that a gzip file is believed no more. */
const MOST_PACKED_RECORDS = 60_000

/**
 * A data set from CIFAR-10's binary files (`data_batch_1.bin` …), each gzipped or not, one after another: records of a
 * label byte and 3072 bytes in planes of red, green, blue. Shape `[32, 32, 3]`, labels 0–9. Throws FormatError when a
 * length is no multiple of 3073, a label is above 9, there is no record at all, or a gzip file holds more than 60,000.
 */
export async function cifar(...files: (Uint8Array | ArrayBuffer)[]): Promise<Dataset<Uint8Array>> {
  const batches: Uint8Array[] = []
  for (const [i, file] of files.entries()) {
    const name = files.length === 1 ? 'cifar' : `cifar file ${i + 1} of ${files.length}`
    const packed = new PackedFile(file, name)
    if (packed.isPacked) checkLabel(await packed.start(START_BYTES), 0, name)
    const bytes = await packed.content(MOST_PACKED_RECORDS * RECORD_BYTES)
    checkRecords(bytes, name)
    batches.push(bytes)
  }
  const count = batches.reduce((sum, bytes) => sum + bytes.length / RECORD_BYTES, 0)
  if (count === 0) throw new FormatError(`cifar: no images, needs at least one record of ${RECORD_BYTES} bytes`)

  const images = new Uint8Array(count * 3 * PLANE)
  const labels = new Uint8Array(count)
  let image = 0
  for (const bytes of batches) {
    for (let record = 0; record < bytes.length; record += RECORD_BYTES, image++) {
      labels[image] = bytes[record]
      interleave(bytes, record + 1, images, image * 3 * PLANE)
    }
  }
  return dataset({ images, shape: [SIDE, SIDE, 3], labels })
}

function checkRecords(bytes: Uint8Array, name: string): void {
  if (bytes.length % RECORD_BYTES !== 0) {
    throw new FormatError(`${name}: ${bytes.length} bytes, needs a multiple of ${RECORD_BYTES}${hint(bytes)}`)
  }
  for (let record = 0; record < bytes.length / RECORD_BYTES; record++) checkLabel(bytes, record, name)
}

function checkLabel(bytes: Uint8Array, record: number, name: string): void {
  const label = bytes[record * RECORD_BYTES]
  if (label > 9) throw new FormatError(`${name}: record ${record} has label ${label}, needs 0 to 9${hint(bytes)}`)
}

function hint(bytes: Uint8Array): string {
  if (String.fromCharCode(...bytes.subarray(257, 262)) === 'ustar') return '; this is a tar archive, unpack it first'
  if (bytes[0] === 0x80) return "; this looks like the version for Python, take CIFAR-10's binary version"
  return ''
}

/** Planes `[3, 32, 32]` to pixels `[32, 32, 3]`. */
function interleave(from: Uint8Array, start: number, to: Uint8Array, at: number): void {
  for (let pixel = 0; pixel < PLANE; pixel++) {
    to[at + 3 * pixel] = from[start + pixel]
    to[at + 3 * pixel + 1] = from[start + PLANE + pixel]
    to[at + 3 * pixel + 2] = from[start + 2 * PLANE + pixel]
  }
}
