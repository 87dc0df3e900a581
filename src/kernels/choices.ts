/** Remembers which tiling was fastest, by a key that names adapter, kernel and shape. */
export interface ChoiceStore {
  load(): Promise<Record<string, string>>
  save(choices: Record<string, string>): Promise<void>
}

const NAME = 'elbo-tuning'

/** Kept between visits: in IndexedDB in a browser, in the user's cache folder on Node, else as long as the process. */
export function choiceStore(): ChoiceStore {
  if (globalThis.indexedDB) return browserStore(globalThis.indexedDB)
  const node = nodeStore()
  if (node) return node
  return { load: async () => ({}), save: async () => {} }
}

/** One record in one object store. Private windows may refuse it: then nothing is remembered. */
function browserStore(indexedDB: IDBFactory): ChoiceStore {
  const withStore = async <T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const opening = indexedDB.open(NAME, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('choices')
    const database = await result(opening)
    try {
      return await result(use(database.transaction('choices', mode).objectStore('choices')))
    } finally {
      database.close()
    }
  }
  return {
    load: async () => (await withStore('readonly', (store) => store.get('all'))) ?? {},
    save: async (choices) => void (await withStore('readwrite', (store) => store.put(choices, 'all'))),
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** The little of Node that is used here. */
interface NodeProcess {
  env: Record<string, string | undefined>
  getBuiltinModule?(name: 'node:fs/promises'): NodeFiles
}

interface NodeFiles {
  readFile(path: string, encoding: 'utf8'): Promise<string>
  writeFile(path: string, text: string): Promise<void>
  mkdir(path: string, options: { recursive: true }): Promise<unknown>
  rename(from: string, to: string): Promise<void>
}

/** `$XDG_CACHE_HOME/elbo/tuning.json`; reached without an import, so that bundlers for browsers see none. */
function nodeStore(): ChoiceStore | undefined {
  const { process } = globalThis as { process?: NodeProcess }
  const files = process?.getBuiltinModule?.('node:fs/promises')
  const home = process?.env.XDG_CACHE_HOME ?? (process?.env.HOME && `${process.env.HOME}/.cache`)
  if (!files || !home) return undefined
  const folder = `${home}/elbo`
  const file = `${folder}/tuning.json`
  return {
    load: async () => JSON.parse(await files.readFile(file, 'utf8')),
    save: async (choices) => {
      await files.mkdir(folder, { recursive: true })
      await files.writeFile(`${file}.new`, JSON.stringify(choices))
      await files.rename(`${file}.new`, file)
    },
  }
}
