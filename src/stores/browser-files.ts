import { UnsupportedError } from '../errors.js'
import type { StoredFiles } from './files.js'

/** Of the private file system: one folder for all stores, in it one for each. */
const FOLDER = 'elbo-checkpoints'
const DATABASE = 'elbo-checkpoints'

/** Files in the origin's private file system, or in IndexedDB where that is missing, forbidden or cannot be written. */
export function browserFiles(name: string): StoredFiles {
  let opening: Promise<StoredFiles> | undefined
  const open = () => (opening ??= openFiles(name))
  return {
    list: async () => (await open()).list(),
    read: async (file) => (await open()).read(file),
    write: async (file, bytes) => (await open()).write(file, bytes),
    remove: async (file) => (await open()).remove(file),
  }
}

async function openFiles(name: string): Promise<StoredFiles> {
  // A private window may forbid it.
  const root = await globalThis.navigator?.storage?.getDirectory?.().catch(() => undefined)
  if (root && 'createWritable' in FileSystemFileHandle.prototype) return originFiles(root, name)
  if (globalThis.indexedDB) return databaseFiles(globalThis.indexedDB, name)
  throw new UnsupportedError(
    'checkpointStore: this runtime has neither files nor IndexedDB; give it an object { list, read, write, remove }',
  )
}

/** `elbo-checkpoints/<name>/` of the origin's private file system, where a file changes when its writer is closed. */
export function originFiles(root: FileSystemDirectoryHandle, name: string): StoredFiles {
  const folder = async () => {
    const all = await root.getDirectoryHandle(FOLDER, { create: true })
    return all.getDirectoryHandle(encodeURIComponent(name), { create: true })
  }
  return {
    async list() {
      const names: string[] = []
      for await (const file of (await folder()).keys()) names.push(file)
      return names
    },
    async read(file) {
      const handle = await (await folder()).getFileHandle(file).catch(unlessMissing)
      return handle && new Uint8Array(await (await handle.getFile()).arrayBuffer())
    },
    async write(file, bytes) {
      const handle = await (await folder()).getFileHandle(file, { create: true })
      const writer = await handle.createWritable()
      try {
        await writer.write(bytes as Uint8Array<ArrayBuffer>)
        await writer.close()
      } catch (error) {
        await writer.abort().catch(() => {}) // the write's own error says more
        await (await folder()).removeEntry(file).catch(() => {})
        throw error
      }
    },
    async remove(file) {
      await (await folder()).removeEntry(file).catch(unlessMissing)
    },
  }
}

/** One object store of a database, the files under `[name, file]`; a transaction happens whole or not at all. */
export function databaseFiles(indexedDB: IDBFactory, name: string): StoredFiles {
  const withFiles = async <T>(mode: IDBTransactionMode, use: (files: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const opening = indexedDB.open(DATABASE, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('files')
    const database = await settled(opening)
    try {
      const transaction = database.transaction('files', mode, { durability: 'strict' })
      const request = use(transaction.objectStore('files'))
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve()
        transaction.onabort = () => reject(transaction.error ?? request.error)
      })
      return request.result
    } finally {
      database.close()
    }
  }
  return {
    async list() {
      const keys = await withFiles('readonly', (files) => files.getAllKeys(IDBKeyRange.bound([name], [name, []])))
      return keys.map((key) => String((key as string[])[1]))
    },
    async read(file) {
      return withFiles<Uint8Array | undefined>('readonly', (files) => files.get([name, file]))
    },
    async write(file, bytes) {
      await withFiles('readwrite', (files) => files.put(bytes.slice(), [name, file]))
    },
    async remove(file) {
      await withFiles('readwrite', (files) => files.delete([name, file]))
    },
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function unlessMissing(error: Error): undefined {
  if (error.name !== 'NotFoundError') throw error
}
