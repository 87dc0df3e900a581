// @ts-check
// npm run bench [-- options]: times every kernel and a training step of every preset, in a headless browser or in Node.
import { UsageError } from '../src/tools/arguments.mjs'
import { ensureInstalled } from '../src/tools/ensure-installed.mjs'
import { helpText, parseOptions } from './options.mjs'

/** The exit code: 0, 1 where a check or the run failed, 2 for wrong options. @param {string[]} args */
async function main(args) {
  try {
    const options = parseOptions(args)
    if (options.help) {
      console.log(helpText)
      return 0
    }
    await ensureInstalled()
    const { runBench } = await import('./host.mjs')
    return (await runBench(options, args)) ? 0 : 1
  } catch (error) {
    const isUsage = error instanceof UsageError
    const message = error instanceof Error ? error.message : String(error)
    console.error(isUsage ? `${message}\n(npm run bench -- --help says what there is)` : `npm run bench: ${message}`)
    return isUsage ? 2 : 1
  }
}

process.exit(await main(process.argv.slice(2)))
