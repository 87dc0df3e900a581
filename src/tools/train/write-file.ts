import { rmSync } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { fileError } from './failure.js'

/** What opens files; tests put a full disk in its place. */
export type Open = (path: string, flags: string) => Promise<FileHandle>

/**
 * Writes a file whole or not at all: beside its place first, on the disk for good, then renamed. Whatever goes wrong, a
 * file that was there stays as it was and nothing else is left. @throws CommandError
 */
export async function writeWhole(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  opening: Open = open,
): Promise<void> {
  const temporary = `${path}.part`
  const remove = () => rmSync(temporary, { force: true })
  process.on('exit', remove)
  let file: FileHandle | undefined
  try {
    file = await opening(temporary, 'w')
    for await (const chunk of chunks) await file.writeFile(chunk)
    await file.sync()
    await file.close()
    file = undefined
    await rename(temporary, path)
  } catch (error) {
    await file?.close().catch(() => {})
    await rm(temporary, { force: true }).catch(() => {})
    throw fileError(path, 'written', error)
  } finally {
    process.off('exit', remove)
  }
}

/** A text file that grows at its end by whole pieces: one that does not fit is taken back. */
export class Appended {
  private sizeBytes = 0

  private constructor(private readonly path: string, private readonly file: FileHandle) {}

  /** Begins the file with this text, in the place of an older one. @throws CommandError */
  static async begin(path: string, text: string, opening: Open = open): Promise<Appended> {
    await writeWhole(path, [new TextEncoder().encode(text)])
    const file = await opening(path, 'r+').catch((error) => {
      throw fileError(path, 'written', error)
    })
    const appended = new Appended(path, file)
    appended.sizeBytes = Buffer.byteLength(text)
    return appended
  }

  /** @throws CommandError */
  async add(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text)
    try {
      for (let done = 0; done < bytes.length;) {
        done += (await this.file.write(bytes, done, bytes.length - done, this.sizeBytes + done)).bytesWritten
      }
      this.sizeBytes += bytes.length
    } catch (error) {
      await this.file.truncate(this.sizeBytes).catch(() => {})
      throw fileError(this.path, 'written', error)
    }
  }

  close(): Promise<void> {
    return this.file.close()
  }
}
