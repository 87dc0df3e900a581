import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PackedFile } from '../data/gzip.js'
import { DataError } from '../errors.js'
import type { DownloadProgress } from './progress-bar.js'

/** A file known by its content. */
export interface KnownFile {
  /** Its usual name, unpacked. */
  name: string
  /** Length of the unpacked file. */
  sizeBytes: number
  /** SHA-256 of the unpacked file, in hex: mirrors pack the same content in different ways. */
  sha256: string
}

/** Where a file may come from, where it is kept, and who hears of it. */
export interface DownloadOptions {
  /** Tried in this order; each answers with the file, gzipped or not. */
  urls: readonly string[]
  /** Where the unpacked file is kept; looked at first. */
  cachePath: string
  onProgress: (progress: DownloadProgress) => void
  /** Told when the file could not be kept; the download counts all the same. */
  onWarning: (message: string) => void
  fetch: typeof fetch
  /** A mirror that sends nothing for so long is given up. */
  idleMs: number
}

/**
 * The unpacked bytes of a known file: from the cache, or else from the first mirror whose answer has the right SHA-256,
 * which is then kept in the cache (written beside it and renamed, so a cached file is whole). A cached file that is not
 * the right one is fetched again. Throws DataError with everything that was tried.
 */
export async function download(file: KnownFile, options: DownloadOptions): Promise<Uint8Array> {
  const tried: string[] = []
  const cached = await readKnownFile(file, options.cachePath, tried)
  if (cached) return cached
  for (const url of options.urls) {
    try {
      const bytes = checked(file, await unpacked(file, await fetchBytes(file, url, options)))
      await keep(bytes, options)
      return bytes
    } catch (error) {
      tried.push(`${url}: ${reason(error)}`)
    }
  }
  throw new DataError(`could not get ${file.name}\n${tried.map((line) => `  tried ${line}`).join('\n')}`)
}

/**
 * The unpacked bytes of a known file at `path`, gzipped or not, or undefined with the reason added to `tried` where it
 * is missing or not the right one.
 */
export async function readKnownFile(file: KnownFile, path: string, tried: string[]): Promise<Uint8Array | undefined> {
  try {
    return checked(file, await unpacked(file, await readFile(path)))
  } catch (error) {
    tried.push(`${path}: ${reason(error)}`)
    return undefined
  }
}

function unpacked({ name, sizeBytes }: KnownFile, bytes: Uint8Array): Promise<Uint8Array> {
  return new PackedFile(bytes, name).content(sizeBytes)
}

function checked(file: KnownFile, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== file.sizeBytes) throw new DataError(`${bytes.length} bytes unpacked, needs ${file.sizeBytes}`)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== file.sha256) throw new DataError(`SHA-256 is ${sha256}, needs ${file.sha256}`)
  return bytes
}

async function fetchBytes(file: KnownFile, url: string, options: DownloadOptions): Promise<Uint8Array> {
  const controller = new AbortController()
  const giveUp = () => controller.abort(new DataError(`sent nothing for ${options.idleMs / 1000} s`))
  let timer = setTimeout(giveUp, options.idleMs)
  const mostBytes = file.sizeBytes + 1024 // packing may add a header
  const chunks: Uint8Array[] = []
  let receivedBytes = 0
  let totalBytes: number | undefined
  const report = (phase: DownloadProgress['phase']) =>
    options.onProgress({ file: file.name, url, receivedBytes, totalBytes, phase })
  try {
    const response = await options.fetch(url, { signal: controller.signal })
    if (!response.ok || !response.body) throw new DataError(`HTTP ${response.status} ${response.statusText}`.trim())
    const announced = response.headers.has('content-encoding') ? 0 : Number(response.headers.get('content-length'))
    totalBytes = announced || undefined
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = setTimeout(giveUp, options.idleMs)
      chunks.push(chunk)
      receivedBytes += chunk.length
      if (receivedBytes > mostBytes) throw new DataError(`sends more than the file's ${file.sizeBytes} bytes`)
      report('receiving')
    }
    report('done')
    return Buffer.concat(chunks)
  } catch (error) {
    if (receivedBytes > 0) report('failed')
    throw error
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}

async function keep(bytes: Uint8Array, { cachePath, onWarning }: DownloadOptions): Promise<void> {
  const temporary = `${cachePath}.${randomUUID()}.part`
  try {
    await mkdir(dirname(cachePath), { recursive: true })
    await writeFile(temporary, bytes)
    await rename(temporary, cachePath)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    onWarning(`${cachePath} could not be kept for the next time: ${reason(error)}`)
  }
}

/** What went wrong, in a few words: `fetch` hides the network's reason in `cause`. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'not there'
  if (!(error.cause instanceof Error) || error.name !== 'TypeError') return error.message
  return `${error.message} (${(error.cause as NodeJS.ErrnoException).code ?? error.cause.message})`
}
