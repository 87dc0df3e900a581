// @ts-check
// Runs test files one after another: unit/ and page/ in Node, kernels/, model/ and faults/ each in a fresh page of one
// headless browser. A file that does not load, holds no test, skips one, hangs, crashes or leaves a stray error fails.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { build, bundle } from '../../build.mjs'
import { launchBrowser } from '../../src/tools/browser.mjs'
import { lint } from '../../src/tools/lint.mjs'
import { serve } from '../../src/tools/serve.mjs'
import { runInNode } from './run-in-node.mjs'
import { runInPage } from './run-in-page.mjs'

/**
 * @typedef {object} TestFile
 * @property {string} path from the root: `test/unit/data.ts`
 * @property {string} name without folder and extension: `unit/data`
 * @property {'unit' | 'kernels' | 'model' | 'faults' | 'page'} kind
 * @property {string} suiteFilter empty, or what the names of its suites must contain
 */

/** @typedef {import('./collect.js').FileResult & { stray: string[], output: string, broken?: boolean }} Outcome */

const kinds = /** @type {const} */ (['unit', 'kernels', 'model', 'faults', 'page'])
const drivers = { node: 'test/harness/node-driver.ts', page: 'test/harness/page-driver.ts' }

const none = { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [] }
/** @type {Outcome} */
const nothing = { ...none, stray: [], output: '' }

/**
 * @param {object} options
 * @param {string} options.root
 * @param {string} options.folder with the folders of each kind in it
 * @param {string[]} options.filters parts of file or suite names; none runs everything, the linter too
 * @param {boolean} options.lint
 * @param {number} options.timeoutMs of one file
 */
export async function runTests({ root, folder, filters, lint: wantsLint, timeoutMs }) {
  const totals = { passed: 0, failed: 0 }
  const device = deviceKind()
  const files = await select(folder, filters)
  if (files.length === 0) {
    console.log(`no test file or suite matches ${filters.join(', ') || folder}`)
    return { passed: 0, failed: 1 }
  }
  const out = join(root, `.cache/test-${process.pid}`)
  process.on('exit', () => rmSync(out, { recursive: true, force: true }))
  // Interrupted too, the exit listeners end browser and children.
  process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
  /** @type {(() => Promise<void>)[]} */
  const cleanup = []
  try {
    const linting = wantsLint && filters.length === 0 ? lint(root) : undefined
    const inNode = files.filter(({ kind }) => kind === 'unit' || kind === 'page')
    const inPage = files.filter(({ kind }) => kind !== 'unit' && kind !== 'page')
    const server = await serve({ mounts: { '/page/': join(out, 'page'), '/test/': join(root, 'test') } })
    cleanup.push(server.close)
    const broken = new Map([
      ...(await bundleFiles(inNode, 'node', join(out, 'node'))),
      ...(await bundleFiles(inPage, 'page', join(out, 'page'))),
    ])
    if (linting) report('lint', await linted(linting), totals)

    const stage = browserStage(cleanup)
    // On a bare machine this takes minutes, which no file's time limit should pay for. A failure is told by each file.
    if (files.some(({ kind }) => kind !== 'unit')) await stage.get().catch(() => {})
    /** @param {TestFile} file @returns {Promise<Outcome>} */
    const run = async (file) => {
      const problem = broken.get(file)
      if (problem) return { ...nothing, stray: [`does not bundle: ${problem}`] }
      if (file.kind === 'unit') return runInNode(file, { out: join(out, 'node'), timeoutMs })
      const { browser } = await stage.get()
      if (file.kind === 'page') {
        const env = { ELBO_TEST_BROWSER: browser.wsEndpoint(), ELBO_TEST_ORIGIN: await stage.demo(root) }
        const outcome = await runInNode(file, { out: join(out, 'node'), timeoutMs, env })
        await stage.tidy()
        return outcome
      }
      const base = `${server.origin}/page`
      const outcome = await runInPage(file, { browser, base, out: join(out, 'page'), timeoutMs, device })
      if (outcome.broken) await stage.drop()
      return outcome
    }
    for (const file of files) {
      const start = performance.now()
      const outcome = await run(file).catch((error) => ({ ...nothing, stray: [String(error?.stack ?? error)] }))
      report(file.path, { ...outcome, seconds: (performance.now() - start) / 1000 }, totals)
    }
  } finally {
    for (const end of cleanup.reverse()) await end()
  }
  return totals
}

/** What pages of kernels/, model/ and faults/ get when they ask for a device. @returns {'minimal' | 'default'} */
function deviceKind() {
  const { ELBO_DEVICE: kind = 'default' } = process.env
  if (kind === 'minimal' || kind === 'default') return kind
  throw new Error(`ELBO_DEVICE is "${kind}", needs minimal (no optional feature, WebGPU's default limits) or default`)
}

/**
 * @param {string} folder
 * @param {string[]} filters
 * @returns {Promise<TestFile[]>}
 */
async function select(folder, filters) {
  /** @type {TestFile[]} */
  const files = []
  for (const kind of kinds) {
    const names = await readdir(join(folder, kind)).catch(() => [])
    for (const entry of names.sort()) {
      if (!entry.endsWith('.ts')) continue
      const file = { path: posix.join(folder, kind, entry), name: `${kind}/${entry.slice(0, -3)}`, kind }
      if (filters.length === 0 || filters.some((filter) => file.path.includes(filter))) {
        files.push({ ...file, suiteFilter: '' })
        continue
      }
      const suites = [...(await readFile(file.path, 'utf8')).matchAll(/\bsuite(?:<[^>]*>)?\(\s*(['"`])(.*?)\1/g)]
      const filter = filters.find((candidate) => suites.some(([, , name]) => name.includes(candidate)))
      if (filter) files.push({ ...file, suiteFilter: filter })
    }
  }
  return files
}

/**
 * Bundles test files beside the driver of their place; what they share becomes chunks.
 *
 * @param {TestFile[]} files
 * @param {'node' | 'page'} place
 * @param {string} outdir
 * @returns {Promise<Map<TestFile, string>>} what is wrong with files that do not bundle
 */
async function bundleFiles(files, place, outdir) {
  /** @type {Map<TestFile, string>} */
  const problems = new Map()
  if (files.length === 0) return problems
  mkdirSync(outdir, { recursive: true })
  /** @param {TestFile[]} some */
  const attempt = (some) =>
    bundle({
      entryPoints: [...some.map(({ name, path }) => ({ in: path, out: name })), { in: drivers[place], out: 'driver' }],
      outdir,
      outExtension: { '.js': '.mjs' },
      splitting: true,
      logLevel: 'silent',
      ...(place === 'node' ? { platform: 'node', packages: 'external' } : { platform: 'browser' }),
    })
  await attempt(files).catch(async () => {
    // One bad file must not hide what the others say.
    for (const file of files) await attempt([file]).catch(({ message }) => problems.set(file, message))
  })
  if (place === 'page') {
    const script = '<script type="module" src="driver.mjs"></script>'
    writeFileSync(join(outdir, 'index.html'), `<!doctype html><link rel="icon" href="data:,">${script}`)
  }
  return problems
}

/**
 * One browser for the whole run, started when first needed and again after a file broke it.
 *
 * @param {(() => Promise<void>)[]} cleanup
 */
function browserStage(cleanup) {
  /** @type {import('../../src/tools/browser.mjs').Launched | undefined} */
  let launched
  /** @type {unknown} */
  let failure
  /** @type {Promise<string> | undefined} */
  let demoOrigin
  const adapter = process.env.ELBO_ADAPTER === 'default' ? 'default' : 'software'
  const drop = async () => {
    await launched?.close()
    launched = undefined
  }
  cleanup.push(drop)
  return {
    drop,
    async get() {
      if (launched && !launched.browser.connected) await drop()
      // Looking for a browser again would take as long and find as little.
      if (failure) throw failure
      try {
        launched ??= await launchBrowser({ adapter })
      } catch (error) {
        failure = error
        throw error
      }
      return launched
    },
    /** Closes the pages that a page test left open. */
    async tidy() {
      const pages = await launched?.browser.pages().catch(() => [])
      for (const page of pages?.slice(1) ?? []) await page.close().catch(() => {})
    },
    /** Builds and serves the demo, once. @param {string} root @returns {Promise<string>} its origin */
    demo(root) {
      demoOrigin ??= build().then(async () => {
        const { origin, close } = await serve({ mounts: { '/': join(root, 'dist/demo') } })
        cleanup.push(close)
        return origin
      })
      return demoOrigin
    },
  }
}

/** @param {ReturnType<typeof lint>} linting @returns {Promise<Outcome & { seconds: number }>} */
async function linted(linting) {
  const start = performance.now()
  const stray = await linting
  return { ...nothing, filtered: 1, stray, seconds: (performance.now() - start) / 1000 }
}

/**
 * Prints one file's outcome and adds it up. What went wrong outside of its tests counts as one failure each.
 *
 * @param {string} title
 * @param {Outcome & { seconds: number }} outcome
 * @param {{ passed: number, failed: number }} totals
 */
function report(title, outcome, totals) {
  const expected = outcome.expectedErrors.map((source) => new RegExp(source))
  const problems = outcome.stray.filter((message) => !expected.some((pattern) => pattern.test(message)))
  if (outcome.skipped > 0) problems.push(`${outcome.skipped} tests skipped (.only or .skip)`)
  if (outcome.passed + outcome.failed + outcome.filtered === 0 && problems.length === 0) problems.push('holds no test')
  const failed = outcome.failed + problems.length
  totals.passed += outcome.passed
  totals.failed += failed
  const counts = `${outcome.passed} passed${failed ? `, ${failed} FAILED` : ''}`
  console.log(`${title.padEnd(36)} ${counts.padEnd(24)} ${outcome.seconds.toFixed(1)} s`)
  for (const text of [...outcome.failures, ...problems.map((problem) => problem.replace(/^/gm, '  '))]) {
    console.log(readable(text))
  }
  if (outcome.output) console.log(outcome.output.trimEnd().replace(/^/gm, '  | '))
}

/** Without the runner's own stack frames, and without colours where nobody sees them. @param {string} text */
function readable(text) {
  const plain = process.stdout.isTTY ? text : text.replace(/\x1b\[\d+m/g, '')
  const frame = /^\s*at .*(node_modules\/uvu\/|test\/harness\/(collect|suite|node-driver|page-driver)|node:internal)/
  return plain.split('\n').filter((line) => !frame.test(line)).join('\n').trimEnd()
}
