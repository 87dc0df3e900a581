import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serveLoopback } from '../../src/tools/loopback.mjs'
import { serve } from '../../src/tools/serve.mjs'
import { servePage } from '../../src/tools/train/server.js'

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
  await mkdir(join(folder, 'site/.git'))
  for (const path of ['site/.env', 'site/.git/config']) await writeFile(join(folder, path), 'secret')
  const links = { 'out.txt': '../secret.txt', 'out': '../data', 'in.js': 'a.js', 'broken.js': 'nowhere.js' }
  for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, 'site', name))
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

serving('never leaves its folders, and shows no file whose name opens with a dot', async () => {
  const outside = ['/../secret.txt', '/%2e%2e/secret.txt', '/data/../../secret.txt', '/data/%2e%2e%2fsecret.txt', '/b.js']
  const dotted = ['/.env', '/.git/config', '/%2eenv', '/.git/', '/./.env', '//.env', '/data/..%5csecret.txt', '/a.js/', '/a.js%00']
  const linked = ['/out.txt', '/out/x.gz', '/out/m.safetensors', '/broken.js']
  for (const path of [...outside, ...dotted, ...linked, '/data', '/%', '/%ff.js']) {
    assert.is((await ask(path)).status, 404, path)
  }
  assert.is((await ask('/in.js')).status, 200, 'a link to a file of the same folder is that file')
})

serving('answers only to its own name and port', async () => {
  const { port } = server
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    assert.is((await ask('/a.js', { headers: { host } })).status, 200, host)
  }
  const others = ['localhost', `localhost:${port + 1}`, 'example.com', `example.com:${port}`, `localhost.example.com:${port}`]
  for (const host of others) {
    const { status, text } = await ask('/a.js', { headers: { host } })
    assert.is(status, 421, host)
    assert.is(text, 'this server answers only to localhost')
  }
  assert.is((await ask('http://example.com/a.js')).status, 400, 'a proxy it is not')
})

serving('takes GET and HEAD, and no body', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
    const { status, headers } = await ask('/a.js', { method })
    assert.equal([status, headers.allow], [405, 'GET, HEAD'], method)
  }
  const head = await ask('/a.js', { method: 'HEAD' })
  assert.equal([head.status, head.text, head.headers['content-length']], [200, '', '1'])
  const { status, headers } = await ask('/a.js', { headers: { 'content-length': '5' }, body: 'x'.repeat(5) })
  assert.equal([status, headers.connection], [413, 'close'])
  assert.is((await ask('/a.js', { headers: { 'transfer-encoding': 'chunked' }, body: 'x' })).status, 413)
})

serving('keeps what pages may load to their own origin, on every answer', async () => {
  for (const path of ['/', '/nowhere.js']) {
    const { headers } = await ask(path)
    assert.is(headers['x-content-type-options'], 'nosniff')
    assert.is(headers['cross-origin-resource-policy'], 'same-origin')
    const policy = String(headers['content-security-policy'])
    assert.match(policy, "default-src 'none'; script-src 'self'; worker-src 'self';")
    assert.match(policy, "img-src 'self' data:;")
    assert.not.match(policy, /unsafe|\*/)
  }
})

serving('takes what the page of a training run sends, within its limits, and from that page alone', async () => {
  const taken: [name: string, bytes: number][] = []
  const { url, close } = await servePage(
    { '': { type: 'text/html', bytes: '<p>' } },
    {
      mostBytes: (name) => (name === 'model' ? 10 : 0),
      async receive(name, chunks) {
        let bytes = 0
        for await (const chunk of chunks) bytes += chunk.length
        taken.push([name, bytes])
      },
    },
  )
  const { port, origin, pathname } = new URL(url)
  const post = (name: string, body: string, headers: Record<string, string | number> = {}) =>
    ask(pathname + name, { method: 'POST', port, body, headers: { origin, 'content-length': body.length, ...headers } })
  assert.is((await ask(pathname, { port })).text, '<p>')
  assert.is((await post('model', 'x'.repeat(10))).status, 204)
  assert.is((await post('model', 'x'.repeat(11))).status, 413)
  assert.is((await post('other', 'x')).status, 404)
  assert.is((await post('../model', 'x')).status, 404)
  assert.is((await post('model', 'x', { origin: 'http://example.com' })).status, 403)
  assert.is((await post('model', 'x', { host: 'example.com' })).status, 421)
  const chunked = { origin, 'transfer-encoding': 'chunked' }
  assert.is((await ask(`${pathname}model`, { method: 'POST', port, body: 'x', headers: chunked })).status, 411)
  assert.is((await ask('/model', { port })).status, 404, 'the path is a secret')
  assert.equal(taken, [['model', 10]])
  await close()
})

serving('an error while answering is told, and the server goes on', async () => {
  const { port, close } = await serveLoopback({ answer: () => Promise.reject(new Error('broke')) })
  for (let i = 0; i < 2; i++) {
    const { status, text } = await ask('/', { port })
    assert.equal([status, text], [500, 'broke'])
  }
  await close()
})

serving('takes the next port when one is taken', async () => {
  const second = await serve({ mounts: { '/': join(folder, 'site') }, port: server.port })
  assert.ok(second.port > server.port)
  await second.close()
})

interface Asked {
  method?: string
  port?: string | number
  headers?: Record<string, string | number>
  body?: string
}

/** Sends a request as it stands; fetch would tidy the path and the headers. */
function ask(path: string, { method = 'GET', port = server.port, headers = {}, body }: Asked = {}) {
  return new Promise<{ status?: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asking = request({ host: 'localhost', port, path, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }))
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

serving.run()
