/**
 * A place for files by name. `write` should leave the old file or the new one wherever the place can; a file cut short by
 * a crash is found out by its checksum when it is read.
 */
export interface StoredFiles {
  /** The names of all files there, in any order; none where the place does not exist yet. */
  list(): Promise<string[]>
  /** The whole file, or undefined where there is none of that name. */
  read(name: string): Promise<Uint8Array | undefined>
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Does nothing where there is none of that name. */
  remove(name: string): Promise<void>
}
