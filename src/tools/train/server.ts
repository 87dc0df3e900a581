import { randomUUID } from 'node:crypto'
import { refuse, serveLoopback } from '../loopback.mjs'

/** What the page may fetch, by name. */
export type Served = Record<string, { type: string; bytes: Uint8Array | string }>

/** What the page may send back. */
export interface Received {
  /** Most bytes of a file of this name; 0 where none is taken. */
  mostBytes: (name: string) => number
  /** Takes a file as it arrives, to its end or to the error that breaks it off. */
  receive: (name: string, chunks: AsyncIterable<Uint8Array>) => Promise<void>
}

/**
 * Serves the page, its script and its data from memory, and takes the files that it sends back. On this machine only,
 * below a path that nobody else knows.
 */
export async function servePage(
  served: Served,
  { mostBytes, receive }: Received,
): Promise<{ url: string; close: () => Promise<void> }> {
  const base = `/${randomUUID()}/`
  const nameOf = (path: string) => (path.startsWith(base) ? path.slice(base.length) : undefined)
  const { origin, close } = await serveLoopback({
    mostBytes: (path) => mostBytes(nameOf(path) ?? ''),
    async answer(path, request, response) {
      const name = nameOf(path)
      if (name === undefined) return refuse(request, response, 404)
      if (request.method === 'POST') {
        await receive(name, request)
        response.statusCode = 204
        response.end()
      } else if (Object.hasOwn(served, name)) {
        const { type, bytes } = served[name]
        response.setHeader('Content-Type', type)
        response.setHeader('Content-Length', Buffer.byteLength(bytes))
        response.end(request.method === 'HEAD' ? undefined : bytes)
      } else {
        refuse(request, response, 404)
      }
    },
  })
  return { url: origin + base, close }
}
