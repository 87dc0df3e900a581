import { bytesOf } from '../arrays.js'
import { clip, describe, guarded } from '../checks.js'
import { ElboError, FormatError, SpecError } from '../errors.js'
import { readSafetensors, verifyChecksum } from '../formats/safetensors.js'
import { browserFiles } from './browser-files.js'
import type { StoredFiles } from './files.js'
import { folderFiles } from './folder-files.js'

/** Where a run keeps its checkpoints: from `checkpointStore`, or an object of the caller's own. */
export interface CheckpointStore {
  /** Makes this file the newest checkpoint, whole or not at all: a crash at any byte leaves what was there before. */
  save(file: Uint8Array): Promise<void>
  /** The newest checkpoint that is whole, for `engine.load`; undefined where there is none. */
  load(): Promise<Uint8Array | undefined>
}

/**
 * A store for one model's checkpoints: on Node a folder by its path, in a browser a name of the caller's choice in the
 * origin's private file system (IndexedDB where that cannot be written), or anything else as {@link StoredFiles}.
 * One run at a time may save to a place.
 *
 *     const store = checkpointStore('digits')
 *     const file = await store.load()
 *     const vae = file ? await engine.load(file) : await engine.createVae(presets.mlp)
 *     vae.train(data, { epochs: 50, checkpoint: { everySeconds: 30, store } })
 *
 * @throws SpecError for an empty name; by the first call UnsupportedError where this runtime keeps no files
 */
export function checkpointStore(place: string | StoredFiles): NumberedStore {
  if (typeof place !== 'string' || place === '') return new NumberedStore(checkedFiles(place), 'the given files')
  return new NumberedStore(folderFiles(place) ?? browserFiles(place), describe(place))
}

/** @throws SpecError */
function checkedFiles(place: unknown): StoredFiles {
  const refuse = (reason: string, options?: ErrorOptions) => new SpecError('checkpointStore', reason, options)
  return guarded(() => {
    const files = place as StoredFiles | null | undefined
    const methods = [files?.list, files?.read, files?.write, files?.remove]
    if (typeof files === 'object' && files && methods.every((method) => typeof method === 'function')) return files
    const what = "a folder's path (on Node), a name (in a browser), or an object with list, read, write and remove"
    throw refuse(`needs ${what}, got ${describe(place)}`)
  }, refuse)
}

/**
 * Checkpoints as `00000001.safetensors`, `00000002.safetensors`, …: the largest number is the newest. The newest and the
 * whole one before it are kept, and nothing is removed before its successor is there.
 */
export class NumberedStore implements CheckpointStore {
  /** Why `load` passed over checkpoints newer than the one it gave, newest first; empty when the newest was whole. */
  refused: readonly string[] = []
  /** The newest file that is known to be whole. */
  private whole: number | undefined
  private turn: Promise<unknown> = Promise.resolve()

  /** @internal */
  constructor(
    private readonly files: StoredFiles,
    /** Named in errors. */
    private readonly place: string,
  ) {}

  /**
   * @throws ElboError with code `store` when the place is full or cannot be written; what was there before is kept.
   * FormatError for what is no file's bytes
   */
  async save(file: Uint8Array): Promise<void> {
    const bytes = bytesOf(file)
    if (!bytes) throw new FormatError(`checkpoints in ${this.place}: needs a Uint8Array, got ${describe(file)}`)
    return this.inTurn(async () => {
      const numbers = await this.told('listed', () => this.numbers())
      if (this.whole === undefined) await this.newest(numbers)
      const number = (numbers[0] ?? 0) + 1
      await this.told('written', () => this.files.write(nameOf(number), bytes))
      const before = this.whole
      this.whole = number
      await this.told('tidied', () => this.remove(numbers.filter((other) => other !== before)))
    })
  }

  /** @throws FormatError when there are checkpoints and every one is damaged; ElboError with code `store` */
  load(): Promise<Uint8Array | undefined> {
    return this.inTurn(async () => {
      const numbers = await this.told('listed', () => this.numbers())
      const file = await this.newest(numbers)
      if (file || this.refused.length === 0) return file
      throw new FormatError(`no checkpoint in ${this.place} is whole: ${this.refused.join('; ')}`)
    })
  }

  /** Removes every checkpoint, to begin anew. */
  clear(): Promise<void> {
    return this.inTurn(async () => {
      this.whole = undefined
      await this.told('cleared', async () => this.remove(await this.numbers()))
    })
  }

  /** The newest file that is whole, of numbers in falling order. */
  private async newest(numbers: readonly number[]): Promise<Uint8Array | undefined> {
    const refused: string[] = []
    this.refused = refused
    for (const number of numbers) {
      try {
        const file = await this.files.read(nameOf(number))
        if (!file) continue
        verifyChecksum(readSafetensors(file))
        this.whole = number
        return file
      } catch (error) {
        refused.push(`${nameOf(number)}: ${reasonOf(error)}`)
      }
    }
    return undefined
  }

  /** In falling order. */
  private async numbers(): Promise<number[]> {
    const names = await this.files.list()
    const numbers = names.flatMap((name) => /^(\d{8,})\.safetensors$/.exec(name)?.slice(1).map(Number) ?? [])
    return numbers.sort((a, b) => b - a)
  }

  private async remove(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await this.files.remove(nameOf(number))
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(work)
    this.turn = turn.catch(() => {})
    return turn
  }

  private async told<T>(done: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof ElboError) throw error
      const way = 'Make room there, or take another place; the checkpoints before are kept'
      throw new ElboError('store', `checkpoints in ${this.place} could not be ${done}: ${reasonOf(error)}. ${way}`, {
        cause: error,
      })
    }
  }
}

function nameOf(number: number): string {
  return `${String(number).padStart(8, '0')}.safetensors`
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? clip(error.message || error.name) : describe(error)
}
