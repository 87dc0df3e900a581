// The package's command, bundled to dist/elbo.js.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { UsageError } from './arguments.mjs'
import { dispatch, helpCall } from './command/commands.js'

// A reader that goes away (a closed terminal, `| head`) is no reason to lose what is being done.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const args = process.argv.slice(2)
try {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  process.exitCode = await dispatch(args, version)
} catch (error) {
  const isUsage = error instanceof UsageError
  console.error(error instanceof Error ? error.message : String(error))
  if (isUsage) console.error(`(${helpCall(args)} says what there is)`)
  process.exitCode = isUsage ? 2 : 1
}
