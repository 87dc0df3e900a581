import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'puppeteer-core'
import type { launchBrowser } from '../browser.mjs'
import type { AnyDataset } from '../datasets.js'
import { fileError } from './failure.js'
import type { Resumed } from './inputs.js'
import { onInterrupt } from './interrupt.js'
import type { Job, Outcome, Report } from './messages.js'
import type { Options } from './options.js'
import { RunLog } from './run-log.js'
import { servePage, type Served } from './server.js'
import { writeWhole } from './write-file.js'

/** What the launcher gives to a command: it knows the folder of the sources, which a bundled command does not. */
export interface Host {
  /** Bundles the page's script and style sheet. */
  bundlePage: () => Promise<{ script: string; style: string }>
  launchBrowser: typeof launchBrowser
}

/** What a run needs besides its job. */
export interface Setting {
  data: AnyDataset
  /** A saved model that the job goes on from. */
  resumed?: Resumed
  /** A saved model whose codes are the data. */
  codes?: Uint8Array
  /** Where the results go; made where it is missing. */
  folder: string
  adapter: Options['adapter']
  host: Host
}

/** How a run ended, by which exit code, and on which adapter. */
export interface Ended extends Outcome {
  code: number
  adapter: string
  seconds: number
}

/** Of what the page may send: a model of up to a quarter of a billion numbers, a picture. */
function mostBytes(name: string): number {
  return name === 'model.safetensors' ? 2 ** 30 : /^[a-z]+\.png$/.test(name) ? 2 ** 26 : 0
}

/**
 * Works on a job in a page of a headless browser. Ctrl-C, SIGTERM and SIGHUP stop it after the steps under way; what
 * it learned is saved. @throws CommandError where a file cannot be written
 */
export async function trainInPage(job: Job, setting: Setting): Promise<Ended> {
  const { data, resumed, codes, folder, host } = setting
  const served = pageFiles(await host.bundlePage(), data, { resumed, codes })
  await makeFolder(folder)
  let unwritten: unknown
  const noting = (writing: Promise<void>) =>
    writing.catch((error) => {
      unwritten ??= error
      throw error
    })
  const log = new RunLog(job, folder)
  const cleanup: (() => unknown)[] = [() => log.clear()]
  let interrupted = 0
  let adapter = ''
  let begunMs = performance.now()
  try {
    const server = await servePage(served, {
      mostBytes,
      receive: (name, chunks) => noting(writeWhole(join(folder, name), chunks)),
    })
    cleanup.push(server.close)
    const { browser, close } = await host.launchBrowser({ adapter: setting.adapter })
    cleanup.push(close)
    const page = await browser.newPage()
    await openPage(page, server.url, (report) => {
      if (report.type === 'ready') [adapter, begunMs] = [report.adapter, performance.now()]
      return noting(log.report(report))
    })
    const stop = (code: number) => {
      interrupted = code
      log.stopping()
      page.evaluate(() => globalThis.stopTraining()).catch(() => {}) // the page is gone: told below
    }
    cleanup.push(onInterrupt(stop, (code) => process.exit(code)))
    const outcome = await page.evaluate((job) => globalThis.train(job), job)
    if ('error' in outcome) throw unwritten ?? new Error(outcome.error)
    await log.end(outcome, interrupted > 0)
    const code = outcome.failure ? 1 : interrupted
    return { ...outcome, code, adapter, seconds: (performance.now() - begunMs) / 1000 }
  } finally {
    for (const end of cleanup.reverse()) await end()
    await log.close()
  }
}

/** Makes the folder of the results where it is missing. @throws CommandError unless it can be written to */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw fileError(folder, 'made', error)
  }
  await access(folder, constants.W_OK | constants.X_OK).catch((error) => {
    throw fileError(folder, 'written', error)
  })
}

function pageFiles(
  page: { script: string; style: string },
  { train, test }: AnyDataset,
  { resumed, codes }: Pick<Setting, 'resumed' | 'codes'>,
): Served {
  const octets = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array) => {
    return { type: 'application/octet-stream', bytes: new Uint8Array(buffer, byteOffset, byteLength) }
  }
  const html =
    '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css">' +
    '<script type="module" src="page.js"></script>'
  return {
    '': { type: 'text/html', bytes: html },
    'page.js': { type: 'text/javascript', bytes: page.script },
    'style.css': { type: 'text/css', bytes: page.style },
    'train-images': octets(train.images),
    'test-images': octets(test.images),
    ...(train.labels && { 'train-labels': octets(train.labels) }),
    ...(test.labels && { 'test-labels': octets(test.labels) }),
    ...(resumed && { 'resume.safetensors': octets(resumed.bytes) }),
    ...(codes && { 'codes.safetensors': octets(codes) }),
  }
}

async function openPage(page: Page, url: string, report: (report: Report) => Promise<void>): Promise<void> {
  page.on('console', (message) => {
    if (message.text().startsWith('Failed to load resource')) return // told by whoever asked for it
    if (message.type() === 'error' || message.type() === 'warn') console.error(message.text())
  })
  page.on('pageerror', (error) => console.error(error instanceof Error ? error.message : error))
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.setViewport({ width: 1200, height: 1000, deviceScaleFactor: 2 })
  await page.exposeFunction('report', report)
  await page.goto(url)
}
