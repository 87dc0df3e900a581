// @ts-check
// npm test [-- filter … --no-lint --timeout <seconds> --folder <folder>]: see test/harness/runner.mjs
import { fileURLToPath } from 'node:url'
import { ensureInstalled } from '../src/tools/ensure-installed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {string[]} args */
function parse(args) {
  const options = { folder: 'test', filters: /** @type {string[]} */ ([]), lint: true, timeoutMs: 240_000 }
  const { ELBO_TEST_TIMEOUT } = process.env
  if (ELBO_TEST_TIMEOUT) options.timeoutMs = milliseconds('ELBO_TEST_TIMEOUT', ELBO_TEST_TIMEOUT)
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--no-lint') options.lint = false
    else if (args[i] === '--timeout') options.timeoutMs = milliseconds('--timeout', args[++i])
    else if (args[i] === '--folder') options.folder = args[++i]
    else if (args[i].startsWith('-')) throw new Error(`unknown option ${args[i]}: --no-lint, --timeout, --folder`)
    else options.filters.push(args[i])
  }
  return options
}

/** @param {string} name @param {string} seconds */
function milliseconds(name, seconds) {
  if (!(Number(seconds) > 0)) throw new Error(`${name} needs a number of seconds, not "${seconds}"`)
  return Number(seconds) * 1000
}

/** @param {string[]} args */
async function main(args) {
  const options = parse(args)
  await ensureInstalled()
  process.chdir(root)
  const { runTests } = await import('./harness/runner.mjs')
  const { passed, failed } = await runTests({ root, ...options })
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0
}

const ok = await main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  console.log('\n0 passed, 1 failed')
  return false
})
process.exit(ok ? 0 : 1)
