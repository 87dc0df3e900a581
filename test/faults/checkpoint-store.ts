import * as assert from 'uvu/assert'
import { checkpointStore, type StoredFiles } from '../../src/index.js'
import { databaseFiles, originFiles } from '../../src/stores/browser-files.js'
import { pageSuite } from '../harness/suite.js'
import { TINY } from '../support/engine.js'
import { savedFile } from '../support/saved-file.js'

const store = pageSuite('a checkpoint store in a browser')

const [first, second, third] = [1, 2, 3].map((seed) => savedFile(TINY, seed))

const places: [what: string, open: (name: string) => Promise<StoredFiles>][] = [
  ['private files', async (name) => originFiles(await navigator.storage.getDirectory(), name)],
  ['IndexedDB', async (name) => databaseFiles(indexedDB, name)],
]

for (const [what, open] of places) {
  store(`in ${what} gives back the newest that is whole, and knows its own`, async () => {
    const files = await open('a/b')
    const other = checkpointStore(await open('a'))
    await checkpointStore(files).clear()
    await other.clear()
    assert.is(await other.load(), undefined)

    const kept = checkpointStore(files)
    const wider = new Uint8Array([...first, ...first])
    for (const file of [wider.subarray(0, first.length), second, third]) await kept.save(file)
    assert.equal((await files.list()).sort(), ['00000002.safetensors', '00000003.safetensors'])
    assert.equal(await checkpointStore(await open('a/b')).load(), third)
    assert.is(await files.read('00000009.safetensors'), undefined)
    await files.remove('00000009.safetensors')

    await files.write('00000003.safetensors', third.slice(0, 1000))
    const later = checkpointStore(files)
    assert.equal(await later.load(), second)
    assert.is(later.refused.length, 1)
    assert.is(await other.load(), undefined)
    await later.clear()
    assert.equal(await files.list(), [])
  })
}

store('is found again by its name', async () => {
  await checkpointStore('digits').save(first)
  assert.equal(await checkpointStore('digits').load(), first)
  assert.is(await checkpointStore('letters').load(), undefined)
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('elbo-checkpoints')
  assert.is((await folder.getDirectoryHandle('digits')).kind, 'directory')
  await checkpointStore('digits').clear()
})

store.run()
