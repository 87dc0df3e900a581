/** Runs the uvu suites of one test file, in a page or in Node, and returns what happened as data. */

export interface FileResult {
  passed: number
  failed: number
  skipped: number
  /** Suites left out by the filter. */
  filtered: number
  /** uvu's account of each suite with failures. */
  failures: string[]
  /** Patterns of errors outside of any test that the file said it would provoke. */
  expectedErrors: string[]
}

/** Which tests of a file run. */
export interface Selection {
  /** Empty, or what the names of its suites must contain. */
  suiteFilter: string
  /** Unless given, all: the first of every suite, or those whose `suite › title` begins like one of these. */
  tests?: 'first' | string[]
}

/** What the harness modules of a test bundle and this collector share; both are bundled separately. */
export interface HarnessState {
  /** Whether a test runs; asked once for each. */
  wants(suite: string, title: string): boolean
  filtered: number
  /** `suite › test` under way, for the report of a file that hangs. */
  current: string
  /** A test begins. */
  begin(name: string): void
  expectedErrors: string[]
}

declare global {
  var elboHarness: HarnessState | undefined
  var UVU_DEFER: number | undefined
  var UVU_QUEUE: unknown[][] | undefined
}

type QueuedSuite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>

/** Of a file that did not run. */
export const NO_RESULT: FileResult = {
  passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [],
}

/**
 * Loads a test file, then runs every suite that it queued. Rejects when the file itself does not load, or lacks a test
 * that was named.
 * @param onTest told the name of each test that begins
 */
export async function collect(
  load: () => Promise<unknown>,
  { suiteFilter, tests }: Selection,
  onTest?: (name: string) => void,
): Promise<FileResult> {
  const missing = new Set(Array.isArray(tests) ? tests : [])
  const begun = new Set<string>()
  const state: HarnessState = {
    filtered: 0,
    current: 'while loading',
    expectedErrors: [],
    wants(suite, title) {
      if (!suite.includes(suiteFilter)) return false
      if (tests === undefined) return true
      if (tests === 'first') return !begun.has(suite) && Boolean(begun.add(suite))
      const found = tests.filter((start) => `${suite} › ${title}`.startsWith(start))
      for (const start of found) missing.delete(start)
      return found.length > 0
    },
    begin(name) {
      state.current = name
      onTest?.(name)
    },
  }
  globalThis.elboHarness = state
  // uvu then queues suites instead of running them; in a page it keeps the first `console.log` for its progress marks.
  globalThis.UVU_DEFER = 1
  globalThis.UVU_QUEUE = [[]]
  const { log } = console
  console.log = () => {}
  try {
    await load()
  } finally {
    console.log = log
  }
  if (missing.size > 0) throw new Error(`no test begins like ${[...missing].join(', nor like ')}`)
  const result: FileResult = { ...NO_RESULT, failures: [] }
  for (const run of globalThis.UVU_QUEUE[0] as QueuedSuite[]) {
    try {
      const [errors, passed, skipped, total] = await run()
      result.passed += passed
      result.failed += total - passed
      result.skipped += skipped
      if (errors !== true) result.failures.push(errors)
    } catch (error) {
      result.failed++
      result.failures.push(`a hook failed: ${describe(error)}`)
    }
  }
  // Rejections that nobody handles are reported after the microtasks of the last test.
  await new Promise((resolve) => setTimeout(resolve, 20))
  result.filtered = state.filtered
  result.expectedErrors = state.expectedErrors
  return result
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const said = `${error.name}: ${error.message}`
  // V8's stack opens with name and message, Firefox's has neither.
  return !error.stack ? said : error.stack.includes(error.message) ? error.stack : `${said}\n${error.stack}`
}
