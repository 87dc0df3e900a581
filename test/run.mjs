// @ts-check
// npm test [-- filter … --no-lint --short --timeout <seconds> --folder <folder>]: see test/harness/runner.mjs
import { fileURLToPath } from 'node:url'
import { readArguments, UsageError } from '../src/tools/arguments.mjs'
import { ensureInstalled } from '../src/tools/ensure-installed.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param {string[]} args */
function parse(args) {
  const given = readArguments(args, { values: ['timeout', 'folder'], flags: ['no-lint', 'short'], words: true })
  const { ELBO_TEST_TIMEOUT } = process.env
  if (ELBO_TEST_TIMEOUT && !(Number(ELBO_TEST_TIMEOUT) > 0)) {
    throw new UsageError(`ELBO_TEST_TIMEOUT needs a number of seconds, not "${ELBO_TEST_TIMEOUT}"`)
  }
  return {
    folder: given.text('folder') ?? 'test',
    filters: given.words,
    lint: !given.has('no-lint'),
    short: given.has('short'),
    timeoutMs: 1000 * (given.whole('timeout') ?? (Number(ELBO_TEST_TIMEOUT) || 240)),
    help: given.has('help'),
  }
}

/** @param {string[]} args */
async function main(args) {
  const { help, ...options } = parse(args)
  if (help) {
    console.log('npm test [-- filter … --no-lint --short --timeout SECONDS --folder FOLDER]')
    return true
  }
  await ensureInstalled()
  process.chdir(root)
  const { runTests } = await import('./harness/runner.mjs')
  const { passed, failed } = await runTests({ root, ...options })
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0
}

const ok = await main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof UsageError ? error.message : error)
  console.log('\n0 passed, 1 failed')
  return false
})
process.exit(ok ? 0 : 1)
