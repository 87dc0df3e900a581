import { access, constants, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'puppeteer-core'
import { launchBrowser } from '../browser.mjs'
import type { LoadedDataset } from '../datasets.js'
import type { Resumed } from './inputs.js'
import { onInterrupt } from './interrupt.js'
import type { Job, Outcome, Report } from './messages.js'
import type { Options } from './options.js'
import { RunLog } from './run-log.js'
import { servePage, type Served } from './server.js'

/** Bundles the page's script and style sheet. */
export type BundlePage = () => Promise<{ script: string; style: string }>

/** What a run needs besides its job. */
export interface Setting {
  data: LoadedDataset
  /** A saved model that the job goes on from. */
  resumed?: Resumed
  /** Where the results go; made where it is missing. */
  folder: string
  adapter: Options['adapter']
  bundlePage: BundlePage
}

/** How a run ended, by which exit code, and on which adapter. */
export interface Ended extends Outcome {
  code: number
  adapter: string
  seconds: number
}

const interruptedCode = 130

/** Works on a job in a page of a headless browser; Ctrl-C stops it after the steps under way. */
export async function trainInPage(job: Job, setting: Setting): Promise<Ended> {
  const { data, resumed, folder, bundlePage } = setting
  const served = pageFiles(await bundlePage(), data, resumed)
  await mkdir(folder, { recursive: true })
  await access(folder, constants.W_OK)
  const server = await servePage(served, (name, bytes) => receive(folder, name, bytes))
  const { browser, close } = await launchBrowser({ adapter: setting.adapter })
  const log = new RunLog(job, folder)
  let interrupted = false
  let restoreInterrupt = () => {}
  let adapter = ''
  let begunMs = performance.now()
  try {
    const page = await browser.newPage()
    await openPage(page, server.url, (report) => {
      if (report.type === 'ready') [adapter, begunMs] = [report.adapter, performance.now()]
      return log.report(report)
    })
    const stop = () => {
      interrupted = true
      log.stopping()
      page.evaluate(() => globalThis.stopTraining()).catch(() => {}) // the page is gone: told below
    }
    restoreInterrupt = onInterrupt(stop, () => process.exit(interruptedCode))
    const outcome = await page.evaluate((job) => globalThis.train(job), job)
    if ('error' in outcome) throw new Error(outcome.error)
    await log.end(outcome, interrupted)
    const code = outcome.failure ? 1 : interrupted ? interruptedCode : 0
    return { ...outcome, code, adapter, seconds: (performance.now() - begunMs) / 1000 }
  } finally {
    log.clear()
    restoreInterrupt()
    await close()
    await server.close()
  }
}

function pageFiles(page: { script: string; style: string }, { train, test }: LoadedDataset, resumed?: Resumed): Served {
  const octets = (bytes: Uint8Array) => ({ type: 'application/octet-stream', bytes })
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
  }
}

/** Writes a file of the run, whole or not at all. */
async function receive(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  if (!/^[a-z]+\.(png|safetensors)$/.test(name)) throw new Error(`no file of a run is called "${name}"`)
  const path = join(folder, name)
  const temporary = `${path}.${process.pid}.part`
  await writeFile(temporary, bytes)
  await rename(temporary, path)
}

async function openPage(page: Page, url: string, report: (report: Report) => Promise<void>): Promise<void> {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') console.error(message.text())
  })
  page.on('pageerror', (error) => console.error(error instanceof Error ? error.message : error))
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.setViewport({ width: 1200, height: 1000, deviceScaleFactor: 2 })
  await page.exposeFunction('report', report)
  await page.goto(url)
}
