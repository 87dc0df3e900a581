import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the page may fetch, by name. */
export type Served = Record<string, { type: string; bytes: Uint8Array | string }>

/**
 * Serves the page, its script and its data from memory, and takes the files that it sends back. On this machine only,
 * below a path that nobody else knows.
 */
export async function servePage(
  served: Served,
  receive: (name: string, bytes: Uint8Array) => Promise<void>,
): Promise<{ url: string; close: () => Promise<void> }> {
  const base = `/${randomUUID()}/`
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      response.statusCode = 500
      response.end(error instanceof Error ? error.message : String(error))
    })
  })
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const name = request.url?.startsWith(base) ? request.url.slice(base.length) : undefined
    if (name !== undefined && request.method === 'POST') {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      await receive(name, Buffer.concat(chunks))
      response.statusCode = 204
      response.end()
    } else if (name !== undefined && Object.hasOwn(served, name)) {
      response.setHeader('Content-Type', served[name].type)
      response.end(served[name].bytes)
    } else {
      response.statusCode = 404
      response.end('not found')
    }
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    close: async () => {
      server.closeAllConnections?.()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
