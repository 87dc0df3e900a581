// Runs in a child process: imports one test bundle, collects its results and sends them to the runner.
import { pathToFileURL } from 'node:url'
import { collect, describe } from './collect.js'

const [, , file, suiteFilter = ''] = process.argv
const stray: string[] = []

process.on('uncaughtException', (error) => stray.push(`uncaught: ${describe(error)}`))
process.on('unhandledRejection', (error) => stray.push(`unhandled rejection: ${describe(error)}`))
// Standard output holds uvu's progress marks and is not shown; what a test prints is.
console.log = console.error
console.info = console.error

const none = { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [] }
const result = await collect(() => import(pathToFileURL(file).href), suiteFilter).catch((error) => {
  stray.push(`did not load: ${describe(error)}`)
  return none
})
process.send?.({ ...result, stray }, () => process.exit(0))
