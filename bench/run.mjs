// @ts-check
// npm run bench [-- options]: times every kernel and a training step of every preset, in a headless browser or in Node.
import { ensureInstalled } from '../src/tools/ensure-installed.mjs'
import { helpText, parseOptions } from './options.mjs'

/** @param {string[]} args */
async function main(args) {
  const options = parseOptions(args)
  if (options.help) {
    console.log(helpText)
    return true
  }
  await ensureInstalled()
  const { runBench } = await import('./host.mjs')
  return runBench(options, args)
}

const ok = await main(process.argv.slice(2)).catch((error) => {
  console.error(`npm run bench: ${error instanceof Error ? error.message : error}`)
  return false
})
process.exit(ok ? 0 : 1)
