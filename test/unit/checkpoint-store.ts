import { fork } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { checkpointStore, FormatError, SpecError, type StoredFiles } from '../../src/index.js'
import { readModel } from '../../src/train/file.js'
import { hash } from '../reference/formula.js'
import { suite } from '../harness/suite.js'
import { beside } from '../support/beside.js'
import { TINY } from '../support/engine.js'
import { expectError, rejection } from '../support/errors.js'
import { savedFile } from '../support/saved-file.js'

const store = suite('a checkpoint store')
const damage = suite('a damaged checkpoint')
const crash = suite('a crash while a checkpoint is written')

const [first, second, third] = [1, 2, 3].map((seed) => savedFile(TINY, seed))

/** Files in memory, whose next write a crash may end after so many bytes. */
class MemoryFiles implements StoredFiles {
  readonly held = new Map<string, Uint8Array>()
  crashAfter = Infinity

  list = async () => [...this.held.keys()]
  read = async (name: string) => this.held.get(name)
  remove = async (name: string) => void this.held.delete(name)
  write = async (name: string, bytes: Uint8Array) => {
    this.held.set(name, bytes.slice(0, this.crashAfter))
    if (this.crashAfter < Infinity) throw new Error('the power went out')
  }
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'elbo-store-'))
  try {
    await body(join(parent, 'checkpoints'))
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

store('gives back the newest of a folder, and keeps the one before', () =>
  inFolder(async (folder) => {
    const kept = checkpointStore(folder)
    assert.is(await kept.load(), undefined)
    for (const file of [first, second, third]) await kept.save(file)
    assert.equal(await kept.load(), third)
    assert.equal((await readdir(folder)).sort(), ['00000002.safetensors', '00000003.safetensors'])
    assert.equal(new Uint8Array(await readFile(join(folder, '00000002.safetensors'))), second)
    const later = checkpointStore(folder)
    assert.equal(await later.load(), third)
    assert.equal(later.refused, [])
    await later.save(first)
    assert.equal((await readdir(folder)).sort(), ['00000003.safetensors', '00000004.safetensors'])
  }))

store('leaves other files of its folder alone, and is empty once cleared', () =>
  inFolder(async (folder) => {
    await mkdir(folder)
    await writeFile(join(folder, 'notes.txt'), 'mine')
    const kept = checkpointStore(folder)
    await kept.save(first)
    await kept.save(second)
    await kept.clear()
    assert.is(await kept.load(), undefined)
    assert.equal(await readdir(folder), ['notes.txt'])
  }))

store('saves in the order of the calls, also when they overlap', async () => {
  const files = new MemoryFiles()
  const kept = checkpointStore(files)
  await Promise.all([kept.save(first), kept.save(second), kept.save(third)])
  assert.equal(await kept.load(), third)
  assert.is(files.held.size, 2)
})

store('says what a place lacks', async () => {
  await expectError(() => checkpointStore(''), SpecError, 'spec', 'checkpointStore', 'path')
  await inFolder(async (folder) => {
    await writeFile(folder, 'a file where the folder should be')
    const error = (await rejection(() => checkpointStore(folder).save(first))) as Error & { code: string }
    assert.is(error.code, 'store')
    assert.match(error.message, folder)
    assert.match(error.message, 'another place')
  })
})

/** 1,000 copies of a file: half of them cut, half with a bit flipped, at places that the seed picks. */
function* damaged(file: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < 500; i++) {
    yield file.slice(0, hash(i, 1) % file.length)
    const copy = file.slice()
    copy[hash(i, 2) % file.length] ^= 1 << hash(i, 3) % 8
    yield copy
  }
}

damage('cut or flipped at 1,000 places is refused, and the one before it loads', async () => {
  const files = new MemoryFiles()
  files.held.set('00000001.safetensors', first)
  let places = 0
  for (const copy of damaged(second)) {
    await expectError(() => readModel(copy), FormatError, 'format')
    files.held.set('00000002.safetensors', copy)
    const kept = checkpointStore(files)
    assert.is(await kept.load(), first)
    assert.is(kept.refused.length, 1)
    assert.match(kept.refused[0], '00000002.safetensors')
    places++
  }
  assert.is(places, 1000)
  assert.is(readModel(first).seed, 1)
})

damage('is replaced by the next save, which keeps the whole one', async () => {
  const files = new MemoryFiles()
  files.held.set('00000001.safetensors', first)
  files.held.set('00000002.safetensors', second.slice(0, 100))
  await checkpointStore(files).save(third)
  assert.equal([...files.held], [['00000001.safetensors', first], ['00000003.safetensors', third]])
})

damage('is an error where there is no other', async () => {
  const files = new MemoryFiles()
  files.held.set('00000007.safetensors', second.slice(0, 100))
  await expectError(() => checkpointStore(files).load(), FormatError, 'format', '00000007', 'truncated')
})

crash('at any byte leaves the one before, and the one before that', async () => {
  for (let bytes = 0; bytes < third.length; bytes++) {
    const files = new MemoryFiles()
    const kept = checkpointStore(files)
    await kept.save(first)
    await kept.save(second)
    files.crashAfter = bytes
    assert.match(String(await rejection(() => kept.save(third))), 'the power went out')
    assert.is(await checkpointStore(files).load(), files.held.get('00000002.safetensors'))
    files.held.delete('00000002.safetensors')
    assert.equal(await checkpointStore(files).load(), first)
  }
})

crash('of the process, 15 times, leaves a whole file in the folder and never an older one', () =>
  inFolder(async (folder) => {
    const out = join(folder, '..', 'store.mjs')
    const build: typeof import('../../build.mjs') = await beside('build.mjs')
    await build.bundle({ entryPoints: ['src/index.ts'], outfile: out, platform: 'node', logLevel: 'silent' })
    const script = join(folder, '..', 'writer.mjs')
    // A larger file, so that most of the time goes into the writing.
    const spec = { ...TINY, encoder: [{ type: 'dense' as const, units: 9000 }] }
    const file = join(folder, '..', 'large.safetensors')
    await writeFile(file, savedFile(spec, 1))
    await writeFile(script, `
      import { readFile } from 'node:fs/promises'
      import { checkpointStore } from './store.mjs'
      const [file, store] = [await readFile(${JSON.stringify(file)}), checkpointStore(${JSON.stringify(folder)})]
      for (;;) {
        await store.save(file)
        process.send('saved')
      }`)
    let newest = 0
    for (let round = 0; round < 15; round++) {
      let saved = 0
      const writer = fork(script)
      await new Promise<void>((resolve) => {
        writer.on('message', () => {
          saved++
          if (saved === 1) setTimeout(() => writer.kill('SIGKILL'), hash(round, 4) % 40)
        })
        writer.on('exit', () => resolve())
      })
      const kept = checkpointStore(folder)
      assert.equal((await kept.load())?.length, (await readFile(file)).length)
      assert.equal(kept.refused, [])
      const numbers = (await readdir(folder)).flatMap((name) => (name.endsWith('.safetensors') ? [parseInt(name)] : []))
      assert.ok(Math.max(...numbers) >= newest + saved, `${numbers} after ${saved} saves from ${newest}`)
      newest = Math.max(...numbers)
    }
  }))

store.run()
damage.run()
crash.run()
