// @ts-check
// An HTTP server for pages on this machine, which other sites and other machines cannot use.
import { createServer } from 'node:http'

/** What pages may load: their own origin's files and `data:` images; no inline script, no `eval`, no WebAssembly. */
const policy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'worker-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/**
 * Listens on the loopback addresses and answers requests that are addressed to it by one of their names: a page of
 * another site whose name was made to mean this machine gets 421. GET and HEAD take no body. A POST must come from a
 * page of this server and announce its length.
 *
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 *
 * @param {object} options
 * @param {(path: string, request: Request, response: Response) => Promise<void>} options.answer `path` is as it was
 *   sent, without a query
 * @param {number} [options.port] the first port to try; 0, the default, takes any free one
 * @param {Record<string, string>} [options.headers] added to every answer
 * @param {string} [options.scripts] further sources of scripts for the Content-Security-Policy
 * @param {(path: string) => number} [options.mostBytes] of a POST's body, 0 where none is taken; unless given, POST is
 *   refused
 * @returns {Promise<{ origin: string, port: number, close: () => Promise<void> }>}
 */
export async function serveLoopback({ answer, port: first = 0, headers = {}, scripts = '', mostBytes }) {
  const methods = mostBytes ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD']
  const sources = { ...policy, 'script-src': `${policy['script-src']} ${scripts}`.trim() }
  const always = {
    'Content-Security-Policy': Object.entries(sources).map((directive) => directive.join(' ')).join('; '),
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    ...headers,
  }
  let port = 0
  const { servers, port: bound } = await listenFrom((request, response) => {
    for (const [name, value] of Object.entries(always)) response.setHeader(name, value)
    const path = (request.url ?? '').split('?', 1)[0]
    const status = refusal(request, path, { port, methods, mostBytes })
    if (status !== 0) {
      if (status === 405) response.setHeader('Allow', methods.join(', '))
      return refuse(request, response, status)
    }
    answer(path, request, response).catch((error) => {
      if (response.headersSent) return response.destroy()
      refuse(request, response, 500, error instanceof Error ? error.message : String(error))
    })
  }, first)
  port = bound
  const close = async () => {
    for (const server of servers) {
      server.closeAllConnections?.()
      await new Promise((resolve) => server.close(resolve))
    }
  }
  return { origin: `http://localhost:${port}`, port, close }
}

/** @type {Record<number, string>} */
const reasons = {
  400: 'bad request',
  403: 'only for pages of this server',
  404: 'not found',
  405: 'method not allowed',
  411: 'the length of the body is missing',
  413: 'the body is too long',
  421: 'this server answers only to localhost',
}

/**
 * Ends a request without its file. A body that is still coming is not read.
 *
 * @param {Request} request
 * @param {Response} response
 * @param {number} status
 * @param {string} [text]
 */
export function refuse(request, response, status, text = reasons[status]) {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  if (hasBody(request)) {
    response.setHeader('Connection', 'close')
    response.on('finish', () => request.destroy())
  }
  response.end(text)
}

/**
 * The status that a request is refused with, or 0.
 *
 * @param {Request} request
 * @param {string} path
 * @param {{ port: number, methods: string[], mostBytes?: (path: string) => number }} limits
 */
function refusal(request, path, { port, methods, mostBytes }) {
  const { host, origin, 'content-length': length } = request.headers
  const own = ['localhost', '127.0.0.1', '[::1]'].map((name) => (port === 80 ? name : `${name}:${port}`))
  if (!own.includes(host ?? '')) return 421
  if (!methods.includes(request.method ?? '')) return 405
  if (!path.startsWith('/')) return 400
  if (request.method !== 'POST' || !mostBytes) return hasBody(request) ? 413 : 0
  if (!own.some((name) => origin === `http://${name}`)) return 403
  const most = mostBytes(path)
  if (most === 0) return 404
  if (length === undefined) return 411
  return Number(length) > most ? 413 : 0
}

/** @param {Request} request */
function hasBody({ headers }) {
  return 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0
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
