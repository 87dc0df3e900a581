import { mkdir, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serve } from '../../src/tools/serve.mjs'

const serving = suite('serve')
const folder = `.cache/serve-${process.pid}`
let server: Awaited<ReturnType<typeof serve>>

serving.before(async () => {
  await mkdir(join(folder, 'site'), { recursive: true })
  await mkdir(join(folder, 'data'))
  const packed = gzipSync('bytes')
  const files = { 'site/index.html': '<p>', 'site/a.js': '1', 'site/a.wgsl': '', 'data/x.gz': packed, 'secret.txt': 's' }
  for (const [path, contents] of Object.entries(files)) await writeFile(join(folder, path), contents)
  await writeFile(join(folder, 'data/m.safetensors'), '{}')
  const mounts = { '/': join(folder, 'site'), '/data/': join(folder, 'data') }
  server = await serve({ mounts, headers: { 'Cross-Origin-Opener-Policy': 'same-origin' } })
})

serving.after(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

serving('gives each kind of file its type, and the headers asked for', async () => {
  const types: Record<string, RegExp> = {
    '/': /^text\/html/,
    '/a.js': /^text\/javascript/,
    '/a.wgsl': /^text\/wgsl/,
    '/data/m.safetensors': /^application\/octet-stream/,
    '/data/x.gz': /^application\/gzip/,
  }
  for (const [path, type] of Object.entries(types)) {
    const response = await fetch(server.origin + path)
    assert.is(response.status, 200, path)
    assert.match(response.headers.get('content-type') ?? '', type)
    assert.is(response.headers.get('cross-origin-opener-policy'), 'same-origin')
  }
})

serving('hands out packed data as it is', async () => {
  const bytes = new Uint8Array(await (await fetch(`${server.origin}/data/x.gz`)).arrayBuffer())
  assert.equal([...bytes.subarray(0, 2)], [0x1f, 0x8b])
})

serving('never leaves its folders', async () => {
  for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/data/../../secret.txt', '/data/%2e%2e%2fsecret.txt', '/b.js']) {
    assert.is(await statusOf(path), 404, path)
  }
})

serving('takes the next port when one is taken', async () => {
  const second = await serve({ mounts: { '/': join(folder, 'site') }, port: server.port })
  assert.ok(second.port > server.port)
  await second.close()
})

/** The status of a path sent as it stands; fetch would tidy it. */
function statusOf(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: 'localhost', port: server.port, path }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })
}

serving.run()
