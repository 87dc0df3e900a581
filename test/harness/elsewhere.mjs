// @ts-check
// The short form on the implementations of WebGPU besides the one that a test run is about.
import { rootOn } from '../../src/tools/apt.mjs'
import { probe } from './bundle-files.mjs'
import { nothing, problemsOf, report, timed } from './outcome.mjs'
import { runtimeOf, titles } from './runtimes.mjs'

/**
 * Runs some files on another implementation and reports them in one line. Where it is not to be had, a line says so: on
 * Debian as root, where all of it can be installed, that is a failure.
 *
 * @param {import('./runtimes.mjs').RuntimeName} name
 * @param {import('./test-file.mjs').TestFile[]} files
 * @param {import('./runtimes.mjs').Setting} setting
 * @param {{ passed: number, failed: number }} totals
 */
export async function runElsewhere(name, files, setting, totals) {
  const title = `short form on ${titles[name]}`
  const runtime = runtimeOf(name, setting)
  try {
    const missing = await whatIsMissing(runtime)
    if (!missing) report(title, await timed(() => together(files, runtime)), totals)
    else if (rootOn() === 'debian') report(title, { ...nothing, stray: [missing], seconds: 0 }, totals)
    else console.log(`${title.padEnd(36)} not run: ${missing}`)
  } finally {
    await runtime.close()
  }
}

/** Why there is no WebGPU; empty where there is. @param {import('./runtimes.mjs').Runtime} runtime */
async function whatIsMissing(runtime) {
  try {
    await runtime.start()
  } catch (error) {
    return /** @type {Error} */ (error).message
  }
  const { out: name, in: path } = probe
  const outcome = await runtime.run({ name, path, kind: 'kernels', selection: { suiteFilter: '' } })
  return outcome.passed === 1 ? '' : [...outcome.failures, ...outcome.stray].join('\n').trim() || 'it gives no device'
}

/** One outcome of several files. @param {import('./test-file.mjs').TestFile[]} files @param {import('./runtimes.mjs').Runtime} runtime */
async function together(files, runtime) {
  const sum = { ...nothing, failures: /** @type {string[]} */ ([]), stray: /** @type {string[]} */ ([]) }
  for (const file of files) {
    const outcome = await runtime.run(file)
    const problems = problemsOf(outcome)
    sum.passed += outcome.passed
    sum.failed += outcome.failed
    if (outcome.failed + problems.length === 0) continue
    sum.failures.push(`${file.path}:`, ...outcome.failures)
    sum.stray.push(...problems.map((problem) => `${file.path}: ${problem}`))
    sum.output += outcome.output
  }
  return sum
}
