// @ts-check
// Runs test files: unit/ and page/ in Node, kernels/, model/ and faults/ each in a fresh page of a headless browser, or
// in a process of its own on Deno or Node. Two lanes share the work. A file that does not load, holds no test, skips
// one, hangs, crashes or leaves a stray error fails.
import { rmSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { build } from '../../build.mjs'
import { lint } from '../../src/tools/lint.mjs'
import { serve } from '../../src/tools/serve.mjs'
import { bundleFiles } from './bundle-files.mjs'
import { runElsewhere } from './elsewhere.mjs'
import { nothing, report, timed } from './outcome.mjs'
import { runInProcess } from './run-in-process.mjs'
import { BrowserRuntime, runtimeOf } from './runtimes.mjs'
import { shortForm } from './short-form.mjs'

/** @typedef {import('./test-file.mjs').TestFile} TestFile */
/** @typedef {import('./outcome.mjs').Outcome} Outcome */

/** Whose short form a run of everything on Chrome adds. */
const otherRuntimes = /** @type {const} */ (['deno', 'firefox'])

const kinds = /** @type {const} */ (['unit', 'kernels', 'model', 'faults', 'page'])

/**
 * @param {object} options
 * @param {string} options.root
 * @param {string} options.folder with the folders of each kind in it
 * @param {string[]} options.filters parts of file or suite names; none runs everything, the linter too
 * @param {boolean} options.lint
 * @param {boolean} options.short only the short form
 * @param {number} options.timeoutMs of one file
 */
export async function runTests({ root, folder, filters, lint: wantsLint, short, timeoutMs }) {
  const totals = { passed: 0, failed: 0 }
  const { runtime: runtimeName, device, adapter } = settings()
  const all = await select(folder, filters, runtimeName)
  const files = short ? shortForm(all) : all
  if (files.length === 0) {
    console.log(`no test file or suite matches ${filters.join(', ') || folder}`)
    return { passed: 0, failed: 1 }
  }
  const out = join(root, `.cache/test-${process.pid}`)
  const [pages, processes] = [join(out, 'page'), join(out, 'process')]
  process.on('exit', () => rmSync(out, { recursive: true, force: true }))
  // Interrupted too, the exit listeners end browser and children.
  process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
  /** @type {(() => Promise<void>)[]} */
  const cleanup = []
  try {
    const linting = wantsLint && filters.length === 0 ? lint(root) : undefined
    const units = files.filter(({ kind }) => kind === 'unit')
    const onPage = files.filter(({ kind }) => kind === 'page')
    const onGpu = files.filter(({ kind }) => kind !== 'unit' && kind !== 'page')
    const server = await serve({ mounts: { '/page/': pages, '/test/': join(root, 'test') } })
    cleanup.push(server.close)
    const broken = new Map([
      ...(await bundleFiles([...units, ...onPage], 'process', processes)),
      ...(await bundleFiles(onGpu, 'page', pages)),
    ])
    if (linting) report('lint', await timed(() => linted(linting)), totals)

    const setting = { out: pages, base: `${server.origin}/page`, timeoutMs, device, adapter }
    // One for each lane: what breaks a browser in one does not end the other's file.
    const [runtime, second] = [runtimeOf(runtimeName, setting), runtimeOf(runtimeName, setting)]
    cleanup.push(() => runtime.close(), () => second.close())
    const driver = join(processes, 'process-driver.mjs')
    /** @param {TestFile} file @param {Record<string, string>} [env] */
    const inProcess = (file, env) => runInProcess(file, { out: processes, driver, timeoutMs, env })
    const demo = demoServer(root, cleanup)
    /** @param {TestFile} file */
    const beside = async (file) => {
      if (!(second instanceof BrowserRuntime)) throw new Error('page tests need a browser')
      const env = { ELBO_TEST_BROWSER: (await second.browser()).wsEndpoint(), ELBO_TEST_ORIGIN: await demo() }
      const outcome = await inProcess(file, env)
      await second.tidy()
      return outcome
    }
    /** @param {TestFile} file @param {(file: TestFile) => Promise<Outcome>} run */
    const runOne = async (file, run) => {
      const problem = broken.get(file)
      const fails = async () => ({ ...nothing, stray: [`does not bundle: ${problem}`] })
      report(file.path, await timed(problem ? fails : () => run(file)), totals)
    }
    const isWhole = filters.length === 0 && folder === 'test' && !short
    const waiting = [...onGpu]
    // On a bare machine this takes minutes, which no file's limit should pay for. A failure is told by each file.
    const started = onGpu.length > 0 ? runtime.start().catch(() => {}) : Promise.resolve()
    const firstLane = async () => {
      await started
      for (let file = waiting.shift(); file; file = waiting.shift()) await runOne(file, (one) => runtime.run(one))
    }
    const secondLane = async () => {
      for (const file of units) await runOne(file, inProcess)
      await started
      if (isWhole && runtimeName === 'chrome') {
        const some = shortForm(onGpu).filter((file) => !broken.has(file))
        for (const name of otherRuntimes) await runElsewhere(name, some, setting, totals)
      }
      if (isWhole || onPage.length > 0) await second.start().catch(() => {})
      for (const file of onPage) await runOne(file, beside)
      // What the first lane has not come to, from the end.
      for (let file = isWhole && waiting.pop(); file; file = waiting.pop()) await runOne(file, (one) => second.run(one))
    }
    await Promise.all([firstLane(), secondLane()])
  } finally {
    for (const end of cleanup.reverse()) await end()
  }
  return totals
}

/** What the environment asks for. */
function settings() {
  const { ELBO_DEVICE: device = 'default', ELBO_ADAPTER: adapter = 'software' } = process.env
  const { ELBO_BROWSER: browser = 'chrome', ELBO_RUNTIME: place = 'browser' } = process.env
  if (device !== 'minimal' && device !== 'default') {
    throw new Error(`ELBO_DEVICE is "${device}", needs minimal (no optional feature, WebGPU's default limits) or default`)
  }
  if (adapter !== 'software' && adapter !== 'default') {
    throw new Error(`ELBO_ADAPTER is "${adapter}", needs software or default (the machine's own)`)
  }
  if (browser !== 'chrome' && browser !== 'firefox') {
    throw new Error(`ELBO_BROWSER is "${browser}", needs chrome (also for Chromium and Edge) or firefox`)
  }
  if (place !== 'browser' && place !== 'deno' && place !== 'node') {
    throw new Error(`ELBO_RUNTIME is "${place}", needs browser, deno or node (Dawn)`)
  }
  const runtime = place === 'browser' ? browser : place
  return /** @type {const} */ ({ device, adapter, runtime })
}

/**
 * @param {string} folder
 * @param {string[]} filters
 * @param {import('./runtimes.mjs').RuntimeName} runtime only Chrome's run has the files that need no GPU
 * @returns {Promise<TestFile[]>}
 */
async function select(folder, filters, runtime) {
  /** @type {TestFile[]} */
  const files = []
  for (const kind of kinds) {
    if (runtime !== 'chrome' && (kind === 'unit' || kind === 'page')) continue
    const names = await readdir(join(folder, kind)).catch(() => [])
    for (const entry of names.sort()) {
      if (!entry.endsWith('.ts')) continue
      const file = { path: posix.join(folder, kind, entry), name: `${kind}/${entry.slice(0, -3)}`, kind }
      if (filters.length === 0 || filters.some((filter) => file.path.includes(filter))) {
        files.push({ ...file, selection: { suiteFilter: '' } })
        continue
      }
      const suites = [...(await readFile(file.path, 'utf8')).matchAll(/\bsuite(?:<[^>]*>)?\(\s*(['"`])(.*?)\1/g)]
      const filter = filters.find((candidate) => suites.some(([, , name]) => name.includes(candidate)))
      if (filter) files.push({ ...file, selection: { suiteFilter: filter } })
    }
  }
  return files
}

/**
 * Builds and serves the demo, once.
 *
 * @param {string} root
 * @param {(() => Promise<void>)[]} cleanup
 * @returns {() => Promise<string>} its origin
 */
function demoServer(root, cleanup) {
  /** @type {Promise<string> | undefined} */
  let demo
  return () =>
    (demo ??= build().then(async () => {
      const { origin, close } = await serve({ mounts: { '/': join(root, 'dist/demo') } })
      cleanup.push(close)
      return origin
    }))
}

/** @param {ReturnType<typeof lint>} linting @returns {Promise<Outcome>} */
async function linted(linting) {
  return { ...nothing, filtered: 1, stray: await linting }
}
