// @ts-check
// What happened to one test file, and how it is told.

/** @typedef {import('./collect.js').FileResult & { stray: string[], output: string, broken?: boolean }} Outcome */

/** @type {Outcome} */
export const nothing = {
  passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [], stray: [], output: '',
}

/** What went wrong outside of its tests. @param {Outcome} outcome */
export function problemsOf({ stray, expectedErrors, passed, failed, skipped, filtered }) {
  const expected = expectedErrors.map((source) => new RegExp(source))
  const problems = stray.filter((message) => !expected.some((pattern) => pattern.test(message)))
  if (skipped > 0) problems.push(`${skipped} tests skipped (.only or .skip)`)
  if (passed + failed + filtered === 0 && problems.length === 0) problems.push('holds no test')
  return problems
}

/** An outcome with the seconds that it took. @param {() => Promise<Outcome>} run */
export async function timed(run) {
  const start = performance.now()
  const outcome = await run().catch((error) => ({ ...nothing, stray: [String(error?.stack ?? error)] }))
  return { ...outcome, seconds: (performance.now() - start) / 1000 }
}

/**
 * Prints one file's outcome and adds it up. What went wrong outside of its tests counts as one failure each.
 *
 * @param {string} title
 * @param {Outcome & { seconds: number }} outcome
 * @param {{ passed: number, failed: number }} totals
 */
export function report(title, outcome, totals) {
  const problems = problemsOf(outcome)
  const failed = outcome.failed + problems.length
  totals.passed += outcome.passed
  totals.failed += failed
  const nothingToDo = outcome.passed + failed === 0 && outcome.filtered > 0 && title !== 'lint'
  const counts = nothingToDo ? 'not for here' : `${outcome.passed} passed${failed ? `, ${failed} FAILED` : ''}`
  console.log(`${title.padEnd(36)} ${counts.padEnd(24)} ${outcome.seconds.toFixed(1)} s`)
  for (const text of [...outcome.failures, ...problems.map((problem) => problem.replace(/^/gm, '  '))]) {
    console.log(readable(text))
  }
  if (outcome.output) console.log(outcome.output.trimEnd().replace(/^/gm, '  | '))
}

/** Without the runner's own stack frames, and without colours where nobody sees them. @param {string} text */
function readable(text) {
  const plain = process.stdout.isTTY ? text : text.replace(/\x1b\[\d+m/g, '')
  const driver = 'test/harness/(collect|suite|process-driver|page-driver)'
  const frame = new RegExp(`^\\s*(at |\\S*@).*(node_modules/uvu/|${driver}|node:internal|ext:core/|pptr:evaluate)`)
  return plain.split('\n').filter((line) => !frame.test(line)).join('\n').trimEnd()
}
