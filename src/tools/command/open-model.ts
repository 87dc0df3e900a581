import { readModel, type SavedModel } from '../../train/file.js'
import { UsageError, type Given } from '../arguments.mjs'
import { readWith } from '../train/failure.js'

/** A file that training wrote, and what is in it. */
export interface Opened {
  path: string
  bytes: Uint8Array
  saved: SavedModel
}

/** The model that a command line names. @throws UsageError */
export function modelPath(given: Given): string {
  const [path] = given.words
  if (path === undefined) throw new UsageError('which model? Give the .safetensors file that training has written')
  return path
}

/** Reads a model and checks it whole, without a GPU. @throws CommandError, FormatError that name the file */
export function openModel(path: string): Promise<Opened> {
  return readWith(path, ({ buffer, byteOffset, byteLength }) => {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    return { path, bytes, saved: readModel(bytes) }
  })
}
