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

/** What the harness modules of a test bundle and this collector share; both are bundled separately. */
export interface HarnessState {
  suiteFilter: string
  filtered: number
  /** `suite › test` under way, for the report of a file that hangs. */
  current: string
  expectedErrors: string[]
}

declare global {
  var elboHarness: HarnessState | undefined
  var UVU_DEFER: number | undefined
  var UVU_QUEUE: unknown[][] | undefined
}

type QueuedSuite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>

/** Loads a test file, then runs every suite that it queued. Rejects only when the file itself does not load. */
export async function collect(load: () => Promise<unknown>, suiteFilter: string): Promise<FileResult> {
  const state: HarnessState = { suiteFilter, filtered: 0, current: 'while loading', expectedErrors: [] }
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
  const result: FileResult = { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [] }
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
  // V8's stack opens with name and message.
  return error.stack ?? `${error.name}: ${error.message}`
}
