// @ts-check
// A static file server for the demo, the tests and the benchmarks.
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { refuse, serveLoopback } from './loopback.mjs'

/** @type {Record<string, string>} */
const types = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.wgsl': 'text/wgsl; charset=utf-8',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.gz': 'application/gzip',
}

/**
 * Serves folders on this machine only, to pages of its own (`serveLoopback`). Files and folders whose names open with
 * a dot are not there, nor is what a link leads to outside its folder.
 *
 * @param {object} options
 * @param {Record<string, string>} options.mounts folder by URL prefix: `{ '/': 'dist/demo', '/data/': folder }`
 * @param {number} [options.port] the first port to try; 0, the default, takes any free one
 * @param {Record<string, string>} [options.headers] added to every answer
 * @param {string} [options.scripts] further sources of scripts for the Content-Security-Policy
 * @returns {Promise<{ origin: string, port: number, close: () => Promise<void> }>}
 */
export async function serve({ mounts, ...options }) {
  const prefixes = Object.keys(mounts).sort((a, b) => b.length - a.length)
  return serveLoopback({
    ...options,
    async answer(path, request, response) {
      const prefix = prefixes.find((candidate) => path.startsWith(candidate))
      const file = prefix !== undefined && (await fileAt(mounts[prefix], path.slice(prefix.length)))
      if (!file) return refuse(request, response, 404)
      response.setHeader('Content-Type', types[extname(file.path).toLowerCase()] ?? 'application/octet-stream')
      response.setHeader('Content-Length', file.sizeBytes)
      if (request.method === 'HEAD' || file.sizeBytes === 0) return void response.end()
      // A page that goes away in the middle is no error.
      await pipeline(createReadStream(file.path, { end: file.sizeBytes - 1 }), response).catch(() => response.destroy())
    },
  })
}

/**
 * The file that a path means in a folder, `index.html` for a path that ends in a slash; undefined where there is none.
 *
 * @param {string} folder
 * @param {string} path without its first slash, percent-encoded
 * @returns {Promise<{ path: string, sizeBytes: number } | undefined>}
 */
async function fileAt(folder, path) {
  try {
    const names = (path === '' || path.endsWith('/') ? `${path}index.html` : path).split('/').map(decodeURIComponent)
    if (names.some((name) => !/^[^./\\:\0][^/\\:\0]*$/.test(name))) return undefined
    const root = await realpath(folder)
    const found = await realpath(join(root, ...names))
    const about = await stat(found)
    return found.startsWith(root + sep) && about.isFile() ? { path: found, sizeBytes: about.size } : undefined
  } catch {
    return undefined
  }
}
