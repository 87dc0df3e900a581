// How the training command writes: whole files or none, told in one sentence where it cannot.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, readdir, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { presets } from '../../src/model/presets.js'
import { CommandError } from '../../src/tools/train/failure.js'
import { formatHistory, historyColumns, historyHeader, parseHistory } from '../../src/tools/train/history.js'
import { readResumed, readSpec } from '../../src/tools/train/inputs.js'
import { Appended, writeWhole } from '../../src/tools/train/write-file.js'
import { thrownBy } from '../support/errors.js'

const files = suite('train › files')
let folder = ''

files.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-files-'))
})
files.after.each(() => rm(folder, { recursive: true, force: true }))

/** A disk with room for so many more bytes. */
function disk(room: number) {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  return async (path: string, flags: string): Promise<FileHandle> => {
    const file = await open(path, flags)
    const write: FileHandle['write'] = file.write.bind(file)
    const taking = async (bytes: Uint8Array, from = 0, length = bytes.length, at: number | null = null) => {
      if (room === 0) throw full
      const { bytesWritten } = await write(bytes, from, Math.min(length, room), at)
      room -= bytesWritten
      return { bytesWritten, buffer: bytes }
    }
    return Object.assign(file, {
      write: taking,
      async writeFile(bytes: Uint8Array) {
        for (let done = 0; done < bytes.length;) done += (await taking(bytes, done, bytes.length - done)).bytesWritten
      },
    })
  }
}

async function* chunks(...sizes: number[]) {
  for (const size of sizes) yield new Uint8Array(size).fill(7)
}

files('a file is there once it is whole', async () => {
  const path = join(folder, 'model.safetensors')
  await writeWhole(path, chunks(5, 0, 3))
  assert.equal([...(await readFile(path))], Array(8).fill(7))
  assert.equal(await readdir(folder), ['model.safetensors'])
})

files('a full disk leaves the file that was there, and nothing beside it', async () => {
  const path = join(folder, 'model.safetensors')
  for (const before of [undefined, 'the one before']) {
    if (before) await writeFile(path, before)
    const error = await thrownBy(() => writeWhole(path, chunks(5, 5), disk(7)))
    assert.instance(error, CommandError)
    assert.is(error.message, `${path} cannot be written: the disk is full`)
    assert.equal(await readdir(folder), before ? ['model.safetensors'] : [])
    if (before) assert.is(await readFile(path, 'utf8'), before)
  }
})

files('so does a sender that breaks off in the middle', async () => {
  const path = join(folder, 'loss.png')
  const breaking = async function* () {
    yield* chunks(4)
    throw new Error('aborted')
  }
  assert.is((await thrownBy(() => writeWhole(path, breaking()))).message, 'aborted')
  assert.equal(await readdir(folder), [])
})

files('what cannot be written for another reason says that one', async () => {
  await mkdir(join(folder, 'taken'))
  await writeFile(join(folder, 'file'), '')
  const reasons = {
    taken: 'it is a folder',
    'file/x': 'a part of the path is no folder',
    'nowhere/x': 'its folder is not there',
  }
  for (const [name, reason] of Object.entries(reasons)) {
    const path = join(folder, name)
    const error = await thrownBy(() => writeWhole(path, chunks(1)))
    assert.instance(error, CommandError)
    assert.is(error.message, `${path} cannot be written: ${reason}`)
  }
  assert.equal((await readdir(folder)).sort(), ['file', 'taken'])
})

files('a history grows by whole pieces: one that does not fit is taken back', async () => {
  const path = join(folder, 'history.csv')
  const history = await Appended.begin(path, 'head\n', disk(12))
  await history.add('12345\n')
  const error = await thrownBy(() => history.add('6789012345\n'))
  assert.is(error.message, `${path} cannot be written: the disk is full`)
  assert.is(await readFile(path, 'utf8'), 'head\n12345\n')
  await history.close()
})

files('a line that a killed command left unfinished is no row', () => {
  const row = 'train,10,1,5,4,1\n'
  const header = historyHeader(historyColumns(presets.mlp))
  const [read] = parseHistory(header + row + row.slice(0, 9))
  assert.equal(read, { set: 'train', step: 10, epoch: 1, total: 5, reconstruction: 4, kl: 1 })
  assert.throws(
    () => parseHistory(`${header}train,ten,1,5,4,1\n`),
    (error: Error) => error.message.includes('history.csv:2: needs train or test and 5 numbers, got "train,ten'),
  )
})

files('a history has every part of its model\'s loss, and reads again as it was written', () => {
  const columns = historyColumns(presets.vectorQuantized)
  assert.is(historyHeader(columns), 'set,step,epoch,total,reconstruction,kl,quantization\n')
  const row = { set: 'test', step: 10, epoch: 1, total: 5.5, reconstruction: 4, kl: 0, quantization: 1.5 } as const
  const { quantization, ...without } = row // as in files from before there was that column
  const text = historyHeader(columns) + formatHistory([row, without], columns)
  assert.is(text.split('\n')[1], 'test,10,1,5.5,4,0,1.5')
  assert.equal(parseHistory(text), [row, without])
})

files('what is wrong with a specification is told with its file and its path in there', async () => {
  const spec = { input: [4, 4, 1], encoder: [{ type: 'dense', units: -1 }], latent: { type: 'gaussian', size: 2 } }
  const wrong: Record<string, [text: string, message: RegExp]> = {
    'units.json': [JSON.stringify(spec), /units\.json: encoder\[0\]\.units: .*-1/],
    'list.json': ['[]', /list\.json: .*specification/],
    'cut.json': ['{\n  "input": [4, 4', /cut\.json: is no JSON at line 2, column 17: /],
    'comma.json': ['{\n  "input": 4,,\n}', /comma\.json: is no JSON at line 2, column 14: /],
    'empty.json': ['', /empty\.json: is no JSON at line 1, column 1: /],
  }
  for (const [name, [text, message]] of Object.entries(wrong)) {
    await writeFile(join(folder, name), text)
    const error = await thrownBy(() => readSpec(join(folder, name)))
    assert.instance(error, CommandError, name)
    assert.match(error.message, message)
    assert.not.match(error.message, '\n')
  }
  assert.is((await thrownBy(() => readSpec(folder))).message, `${folder} cannot be read: it is a folder`)
  assert.match((await thrownBy(() => readSpec(join(folder, 'none')))).message, /--spec: there is no file ".*none"/)
})

files('a folder is no model to go on from', async () => {
  assert.is((await thrownBy(() => readResumed(folder))).message, `${folder} cannot be read: it is a folder`)
  assert.ok(existsSync(folder))
})

files.run()
