import type { StoredFiles } from './files.js'

/** The little of Node that is used here. */
interface NodeFiles {
  mkdir(path: string, options: { recursive: true }): Promise<unknown>
  open(path: string, flags: 'r' | 'w'): Promise<NodeFile>
  readdir(path: string): Promise<string[]>
  readFile(path: string): Promise<Uint8Array>
  rename(from: string, to: string): Promise<void>
  rm(path: string, options: { force: true }): Promise<void>
}

interface NodeFile {
  writeFile(bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

interface NodeProcess {
  versions?: { node?: string }
  getBuiltinModule?(name: string): NodeFiles | undefined
}

/** What is being written; it is renamed once it is whole and on the disk. */
const UNFINISHED = 'unfinished'

/** A folder on the disk; undefined where there is no Node to reach one. */
export function folderFiles(folder: string): StoredFiles | undefined {
  const { process } = globalThis as { process?: NodeProcess }
  if (!process?.versions?.node) return undefined
  const module = 'node:fs/promises' // a variable, so that bundlers for browsers see no import
  const loading = async (): Promise<NodeFiles> => process.getBuiltinModule?.(module) ?? (await import(module))
  const pathOf = (name: string) => `${folder}/${name}`
  return {
    async list() {
      const fs = await loading()
      return fs.readdir(folder).catch(unlessMissing([]))
    },
    async read(name) {
      const fs = await loading()
      const file = await fs.readFile(pathOf(name)).catch(unlessMissing(undefined))
      return file && new Uint8Array(file.buffer, file.byteOffset, file.length) // a Buffer's slice differs
    },
    async write(name, bytes) {
      const fs = await loading()
      await fs.mkdir(folder, { recursive: true })
      try {
        await writeThrough(await fs.open(pathOf(UNFINISHED), 'w'), bytes)
        await fs.rename(pathOf(UNFINISHED), pathOf(name))
      } catch (error) {
        await fs.rm(pathOf(UNFINISHED), { force: true }).catch(() => {}) // the write's own error says more
        throw error
      }
      await syncFolder(fs, folder)
    },
    async remove(name) {
      const fs = await loading()
      await fs.rm(pathOf(name), { force: true })
    },
  }
}

async function writeThrough(file: NodeFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The new name reaches the disk too. Windows cannot open a folder, and needs no such thing. */
async function syncFolder(fs: NodeFiles, folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r').catch(() => undefined)
  try {
    await handle?.sync().catch(() => {})
  } finally {
    await handle?.close()
  }
}

function unlessMissing<T>(value: T): (error: { code?: string }) => T {
  return (error) => {
    if (error.code === 'ENOENT') return value
    throw error
  }
}
