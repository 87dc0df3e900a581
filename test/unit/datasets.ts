import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DataError, FormatError } from '../../src/errors.js'
import { DATASET_NAMES, loadDataset, loadIdxSource, type IdxSource } from '../../src/tools/datasets.js'
import { progressBar, type DownloadProgress } from '../../src/tools/progress-bar.js'

// A set of 3 + 2 images of 2 × 2, on a server whose first path segment says how it answers.
const CONTENT: Record<string, Uint8Array> = {
  'train-images-idx3-ubyte': idxFile([3, 2, 2], Array.from({ length: 12 }, (_, i) => 20 * i)),
  'train-labels-idx1-ubyte': idxFile([3], [4, 5, 6]),
  't10k-images-idx3-ubyte': idxFile([2, 2, 2], Array.from({ length: 8 }, (_, i) => 30 * i)),
  't10k-labels-idx1-ubyte': idxFile([2], [7, 8]),
}
const requests: string[] = []
const server = createServer((request, response) => {
  const [, manner, file] = (request.url ?? '').split('/')
  requests.push(manner)
  answer(manner, CONTENT[file.replace(/\.gz$/, '')], response)
})
let origin = ''
let folder = ''

const datasets = suite('datasets')

datasets.before(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
datasets.after(() => {
  server.closeAllConnections()
  server.close()
})
datasets.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elbo-datasets-'))
  requests.length = 0
})
datasets.after.each(() => rm(folder, { recursive: true }))

datasets('a download is unpacked, checked, reported and kept', async () => {
  const events: DownloadProgress[] = []
  const loaded = await loadIdxSource(source('good'), { cache: folder, onProgress: (event) => events.push(event) })
  checkLoaded(loaded)
  assert.is(requests.length, 4)
  for (const [name, bytes] of Object.entries(CONTENT)) {
    assert.equal(new Uint8Array(await readFile(join(folder, 'tiny', name))), bytes)
    const last = events.filter((event) => event.file === name).at(-1)!
    assert.is(last.phase, 'done')
    assert.is(last.receivedBytes, gzipSync(bytes).length)
    assert.is(last.totalBytes, last.receivedBytes)
  }
  assert.is((await readdir(join(folder, 'tiny'))).length, 4)
})

datasets('a kept file is not fetched again', async () => {
  await loadIdxSource(source('good'), quiet())
  requests.length = 0
  checkLoaded(await loadIdxSource(source('failing'), quiet()))
  assert.is(requests.length, 0)
})

datasets('a kept file that was altered is fetched again', async () => {
  await loadIdxSource(source('good'), quiet())
  await writeFile(join(folder, 'tiny', 'train-images-idx3-ubyte'), CONTENT['t10k-images-idx3-ubyte'])
  requests.length = 0
  checkLoaded(await loadIdxSource(source('good'), quiet()))
  assert.equal(requests, ['good'])
  assert.equal(
    new Uint8Array(await readFile(join(folder, 'tiny', 'train-images-idx3-ubyte'))),
    CONTENT['train-images-idx3-ubyte'],
  )
})

for (const manner of ['failing', 'broken-off', 'truncated', 'altered', 'page', 'endless', 'stalled']) {
  datasets(`the next mirror is taken when one answers ${manner}`, async () => {
    checkLoaded(await loadIdxSource(source(manner, 'good'), { ...quiet(), idleMs: 200 }))
    assert.equal(requests, [manner, 'good', manner, 'good', manner, 'good', manner, 'good'])
  })
}

for (const manner of ['unpacked', 'encoded']) {
  datasets(`a mirror may send the file ${manner}`, async () => {
    checkLoaded(await loadIdxSource(source(manner), quiet()))
  })
}

datasets('when nothing works, the error lists all that was tried and the way out, and nothing is kept', async () => {
  const mirrors = source('failing', 'altered', 'truncated', 'stalled')
  mirrors.mirrors = [...mirrors.mirrors, 'http://127.0.0.1:1/']
  const error = await failure(loadIdxSource(mirrors, { ...quiet(), idleMs: 200 }))
  assert.instance(error, DataError)
  for (const part of [
    'tiny: could not get train-images-idx3-ubyte',
    `${join(folder, 'tiny', 'train-images-idx3-ubyte')}: not there`,
    '/failing/train-images-idx3-ubyte.gz: HTTP 503',
    '/altered/train-images-idx3-ubyte.gz: SHA-256 is',
    '/truncated/train-images-idx3-ubyte.gz: train-images-idx3-ubyte: the gzip file',
    '/stalled/train-images-idx3-ubyte.gz: sent nothing for 0.2 s',
    '127.0.0.1:1/train-images-idx3-ubyte.gz: fetch failed (',
    '--data DIR',
  ]) assert.ok(error.message.includes(part), `"${error.message}" lacks "${part}"`)
  assert.equal(await readdir(folder), [])
})

datasets('a cache that cannot be written costs nothing but the next download', async () => {
  await writeFile(join(folder, 'file'), '')
  const write = process.stderr.write
  let warnings = ''
  process.stderr.write = ((text: string) => (warnings += text, true)) as typeof write
  try {
    checkLoaded(await loadIdxSource(source('good'), { ...quiet(), cache: join(folder, 'file') }))
  } finally {
    process.stderr.write = write
  }
  assert.match(warnings, 'could not be kept')
})

datasets('a system package is taken before the network, unless it is altered', async () => {
  for (const [name, bytes] of Object.entries(CONTENT)) await writeFile(join(folder, `${name}.gz`), gzipSync(bytes))
  const packaged: IdxSource = { ...source('good'), systemFolders: [folder] }
  checkLoaded(await loadIdxSource(packaged, { ...quiet(), cache: join(folder, 'cache') }))
  assert.is(requests.length, 0)
  await writeFile(join(folder, 't10k-labels-idx1-ubyte.gz'), gzipSync(idxFile([2], [0, 0])))
  checkLoaded(await loadIdxSource(packaged, { ...quiet(), cache: join(folder, 'cache') }))
  assert.equal(requests, ['good'])
})

datasets('mnist comes from a folder with the usual names, dotted or packed, or from one in it', async () => {
  const renamed = (name: string, i: number) =>
    (i % 2 === 0 ? name.replace('-idx', '.idx') : name) + (i > 1 ? '.gz' : '')
  for (const place of [folder, join(folder, 'deep', 'mnist')]) {
    await mkdir(place, { recursive: true })
    for (const [i, [name, bytes]] of Object.entries(CONTENT).entries()) {
      await writeFile(join(place, renamed(name, i)), i > 1 ? gzipSync(bytes) : bytes)
    }
  }
  checkLoaded(await loadDataset('mnist', { data: folder }), 'mnist')
  checkLoaded(await loadDataset('mnist', { data: join(folder, 'deep') }), 'mnist')
})

datasets('a folder that lacks a file, or holds another, is named', async () => {
  const missing = await failure(loadDataset('fashion-mnist', { data: folder }))
  assert.instance(missing, DataError)
  assert.match(missing.message, `${folder} has none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz`)
  for (const [name, bytes] of Object.entries(CONTENT)) await writeFile(join(folder, name), bytes)
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), CONTENT['train-labels-idx1-ubyte'])
  const mixed = await failure(loadDataset('fashion-mnist', { data: folder }))
  assert.instance(mixed, FormatError)
  assert.match(mixed.message, 'fashion-mnist test files: idx labels: 3 labels, needs 2')
})

datasets('cifar10 comes from a folder only, numbered batches in order, none twice', async () => {
  assert.match((await failure(loadDataset('cifar10'))).message, 'cifar-10-binary.tar.gz')
  assert.match((await failure(loadDataset('cifar10', { data: folder }))).message, `${folder} needs test_batch.bin`)
  const record = (label: number) => Uint8Array.of(label, ...new Uint8Array(3072))
  await writeFile(join(folder, 'data_batch_2.bin.gz'), gzipSync(record(2)))
  await writeFile(join(folder, 'data_batch_1.bin'), record(1))
  await writeFile(join(folder, 'data_batch_1.bin.gz'), gzipSync(record(1)))
  await writeFile(join(folder, 'test_batch.bin'), record(9))
  const { train, test } = await loadDataset('cifar10', { data: folder })
  assert.equal([...train.labels!], [1, 2])
  assert.equal([...test.labels!], [9])
  await writeFile(join(folder, 'test_batch.bin'), record(10))
  const bad = await failure(loadDataset('cifar10', { data: folder }))
  assert.instance(bad, FormatError)
  assert.match(bad.message, `${join(folder, 'test_batch.bin')}: cifar: record 0 has label 10`)
})

datasets('glyphs are 20,000 and 2,000 other drawn digits', async () => {
  const { name, train, test } = await loadDataset('glyphs')
  assert.equal([name, train.count, test.count, train.shape], ['glyphs', 20_000, 2_000, [28, 28, 1]])
  assert.not.equal(train.images.subarray(0, 7840), test.images.subarray(0, 7840))
})

datasets('an unknown name is refused with the known ones', async () => {
  for (const name of ['mnits', 'constructor']) {
    const error = await failure(loadDataset(name))
    assert.instance(error, DataError)
    assert.match(error.message, DATASET_NAMES.join(', '))
  }
})

datasets('mnist asks its two mirrors for the four files', async () => {
  const asked: string[] = []
  const offline = (async (url: string) => {
    asked.push(url)
    throw new TypeError('fetch failed')
  }) as unknown as typeof fetch
  const error = await failure(loadDataset('mnist', { ...quiet(), fetch: offline }))
  assert.equal(asked, [
    'https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz',
    'https://storage.googleapis.com/cvdf-datasets/mnist/train-images-idx3-ubyte.gz',
  ])
  for (const url of asked) assert.ok(error.message.includes(`${url}: fetch failed`))
})

datasets('the bar fills on a terminal; a pipe gets one line a file', () => {
  const event = { file: 'images', url: 'http://host/images.gz', receivedBytes: 0, totalBytes: 10e6 }
  const draw = (isTTY: boolean) => {
    let text = ''
    const bar = progressBar({ isTTY, write: (part: string) => (text += part) })
    bar({ ...event, receivedBytes: 2.5e6, phase: 'receiving' })
    bar({ ...event, receivedBytes: 2.6e6, phase: 'receiving' })
    bar({ ...event, receivedBytes: 10e6, phase: 'done' })
    return text
  }
  assert.is(
    draw(true),
    '\r\x1b[K[######------------------]  25 %  2.5 of 10.0 MB  images' +
    '\r\x1b[K[########################] 100 %  10.0 of 10.0 MB  images\n',
  )
  assert.is(draw(false), 'images: 10.0 MB from http://host/images.gz\n')
})

datasets.run()

function source(...manners: string[]): IdxSource & { mirrors: string[] } {
  const known = (name: string) => ({
    name,
    sizeBytes: CONTENT[name].length,
    sha256: createHash('sha256').update(CONTENT[name]).digest('hex'),
  })
  return {
    name: 'tiny',
    trainImages: known('train-images-idx3-ubyte'),
    trainLabels: known('train-labels-idx1-ubyte'),
    testImages: known('t10k-images-idx3-ubyte'),
    testLabels: known('t10k-labels-idx1-ubyte'),
    systemFolders: [],
    mirrors: manners.map((manner) => `${origin}/${manner}/`),
  }
}

function answer(manner: string, content: Uint8Array, response: ServerResponse): void {
  const packed = gzipSync(content)
  switch (manner) {
    case 'good':
      response.setHeader('content-length', packed.length)
      return void response.end(packed)
    case 'unpacked':
      return void response.end(content)
    case 'encoded':
      response.setHeader('content-encoding', 'gzip')
      return void response.end(packed)
    case 'failing':
      response.statusCode = 503
      return void response.end('busy')
    case 'broken-off':
      response.setHeader('content-length', packed.length)
      response.write(packed.subarray(0, 10))
      return void setTimeout(() => response.destroy(), 20)
    case 'truncated':
      return void response.end(packed.subarray(0, packed.length - 10))
    case 'altered': {
      const altered = content.slice()
      altered[altered.length - 1] ^= 1
      return void response.end(gzipSync(altered))
    }
    case 'page':
      return void response.end('<!doctype html><p>Sign in to this network')
    case 'endless': {
      const timer = setInterval(() => response.write(new Uint8Array(4096)), 1)
      return void response.on('close', () => clearInterval(timer))
    }
    case 'stalled':
      response.write(packed.subarray(0, 10))
  }
}

function quiet() {
  return { cache: folder, onProgress: () => undefined }
}

function checkLoaded({ name, train, test }: Awaited<ReturnType<typeof loadDataset>>, expected = 'tiny'): void {
  assert.is(name, expected)
  assert.equal([train.count, test.count, train.shape, test.shape], [3, 2, [2, 2, 1], [2, 2, 1]])
  assert.equal([...train.labels!, ...test.labels!], [4, 5, 6, 7, 8])
  assert.equal([...test.images], [0, 30, 60, 90, 120, 150, 180, 210])
}

async function failure(action: Promise<unknown>): Promise<Error> {
  const error = await action.then(() => undefined, (reason: unknown) => reason)
  assert.instance(error, Error)
  return error as Error
}

function idxFile(shape: number[], values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0x0800 + shape.length)
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size))
  bytes.set(values, 4 + 4 * shape.length)
  return bytes
}
