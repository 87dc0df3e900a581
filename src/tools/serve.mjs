// @ts-check
// A static file server for the demo, the tests and the benchmarks.
import { createServer } from 'node:http'
import sirv from 'sirv'

/** @type {Record<string, string>} */
const types = { js: 'text/javascript', wgsl: 'text/wgsl', wasm: 'application/wasm', gz: 'application/gzip' }
const octets = /\.(safetensors|bin|idx[13]-ubyte|onnx)$/

/**
 * Serves folders on this machine only.
 *
 * @param {object} options
 * @param {Record<string, string>} options.mounts folder by URL prefix: `{ '/': 'dist/demo', '/data/': folder }`
 * @param {number} [options.port] the first port to try; 0, the default, takes any free one
 * @param {Record<string, string>} [options.headers] added to every answer
 * @returns {Promise<{ origin: string, port: number, close: () => Promise<void> }>}
 */
export async function serve({ mounts, port = 0, headers = {} }) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length)
  const handlers = new Map(prefixes.map((prefix) => [prefix, folderHandler(mounts[prefix], headers)]))
  /** @param {any} request @param {any} response */
  const answer = (request, response) => {
    const prefix = prefixes.find((candidate) => request.url.startsWith(candidate))
    if (prefix === undefined) return notFound(response)
    request.url = `/${request.url.slice(prefix.length)}`
    handlers.get(prefix)?.(request, response, () => notFound(response))
  }
  const { servers, port: bound } = await listenFrom(answer, port)
  return {
    origin: `http://localhost:${bound}`,
    port: bound,
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections?.()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

/** @param {string} folder @param {Record<string, string>} headers */
function folderHandler(folder, headers) {
  return sirv(folder, {
    dev: true,
    setHeaders(response, path) {
      const extension = path.split('.').pop() ?? ''
      if (octets.test(path)) response.setHeader('Content-Type', 'application/octet-stream')
      else if (extension in types) response.setHeader('Content-Type', types[extension])
      // A data file ending in .gz is wanted as it is, not unpacked by the browser.
      if (extension === 'gz') response.setHeader('Content-Encoding', 'identity')
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    },
  })
}

/** @param {import('node:http').ServerResponse} response */
function notFound(response) {
  response.statusCode = 404
  response.end('not found')
}

/**
 * Listens on IPv4's and, where there is one, IPv6's loopback, for `localhost` may mean either.
 *
 * @param {import('node:http').RequestListener} answer
 * @param {number} first
 */
async function listenFrom(answer, first) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const servers = [createServer(answer), createServer(answer)]
    try {
      const port = await listen(servers[0], '127.0.0.1', first === 0 ? 0 : first + attempt)
      try {
        await listen(servers[1], '::1', port)
        return { servers, port }
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') return { servers: servers.slice(0, 1), port }
        throw error
      }
    } catch (error) {
      servers[0].close()
      if (codeOf(error) !== 'EADDRINUSE' && codeOf(error) !== 'EACCES') throw error
    }
  }
  throw new Error(`no free port from ${first} to ${first + 49}`)
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code
}

/**
 * @param {import('node:http').Server} server
 * @param {string} host
 * @param {number} port
 * @returns {Promise<number>}
 */
function listen(server, host, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(/** @type {import('node:net').AddressInfo} */ (server.address()).port)
    })
  })
}
