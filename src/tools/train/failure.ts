import { readFile } from 'node:fs/promises'
import { FormatError } from '../../errors.js'

/** The command cannot do what was asked, for a reason that its user can mend: told in one sentence, without a stack. */
export class CommandError extends Error {}

const words: Record<string, string> = {
  EACCES: 'it is not permitted',
  EBUSY: 'it is in use',
  EDQUOT: "the user's share of the disk is full",
  EEXIST: 'there is a file of that name',
  EFBIG: 'it would be larger than files may be',
  EISDIR: 'it is a folder',
  ENOENT: 'it is not there',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is no folder',
  EPERM: 'it is not permitted',
  EROFS: 'the disk is read-only',
}

/** `runs/x/model.safetensors cannot be written: the disk is full`; other errors than the file system's as they are. */
export function fileError(path: string, what: 'read' | 'written' | 'made', cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException
  if (!(cause instanceof Error) || typeof code !== 'string') return cause
  const reason = code === 'ENOENT' && what === 'written' ? 'its folder is not there' : (words[code] ?? message)
  return new CommandError(`${path} cannot be ${what}: ${reason}`, { cause })
}

/** Reads a file; what is wrong with it is said with its name. @throws CommandError, FormatError */
export async function readWith<T>(path: string, read: (bytes: Uint8Array) => T): Promise<T> {
  const bytes = await readFile(path).catch((error) => {
    throw fileError(path, 'read', error)
  })
  return naming(path, () => read(bytes))
}

/** Puts the file's name in front of what is wrong with its content. */
export function naming<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof FormatError ? new FormatError(`${path}: ${cause.message}`, { cause }) : cause
  }
}
