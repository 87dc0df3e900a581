import { readFile } from 'node:fs/promises'
import { FormatError } from '../../errors.js'
import { readModel, type SavedModel } from '../../train/file.js'
import { UsageError, type Given } from '../arguments.mjs'
import { fileError } from '../train/failure.js'

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
export async function openModel(path: string): Promise<Opened> {
  const file = await readFile(path).catch((error) => {
    throw fileError(path, 'read', error)
  })
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength)
  try {
    return { path, bytes, saved: readModel(bytes) }
  } catch (error) {
    throw error instanceof FormatError ? new FormatError(`${path}: ${error.message}`, { cause: error }) : error
  }
}
