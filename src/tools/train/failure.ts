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
