// @ts-check
// npm start [-- --no-open --port <number>]: builds the demo, serves it on this machine and opens a browser on it.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readArguments, UsageError } from './arguments.mjs'
import { ensureInstalled } from './ensure-installed.mjs'

const usage = `npm start [-- options]

Builds the demo, serves it on this machine alone, and opens a browser on it.

  --port N      the first port to try; 0 takes any (5173)
  --no-open     only prints the address
  --help`

/** @param {string[]} args */
async function start(args) {
  const given = readArguments(args, { values: ['port'], flags: ['no-open'] })
  if (given.has('help')) return console.log(usage)
  const port = given.whole('port', 0) ?? 5173
  if (port > 65535) throw new UsageError(`--port needs a number up to 65535, got "${port}"`)
  await ensureInstalled()
  const { build } = await import('../../build.mjs')
  const { serve } = await import('./serve.mjs')
  await build()
  const { origin } = await serve({ mounts: { '/': fileURLToPath(new URL('../../dist/demo', import.meta.url)) }, port })
  console.log(`\n  elbo's demo is at ${origin}/\n  (Ctrl-C ends it)\n`)
  if (wantsBrowser() && !given.has('no-open')) open(`${origin}/`)
}

function wantsBrowser() {
  const { BROWSER, CI, DISPLAY, WAYLAND_DISPLAY } = process.env
  if (CI || BROWSER === 'none') return false
  return process.platform === 'win32' || process.platform === 'darwin' || Boolean(DISPLAY || WAYLAND_DISPLAY)
}

/** Asks the desktop for its browser; where there is none the printed address must do. @param {string} address */
function open(address) {
  const commands = { win32: ['cmd', '/c', 'start', '""', address], darwin: ['open', address] }
  const [command, ...rest] = commands[/** @type {keyof typeof commands} */ (process.platform)] ?? ['xdg-open', address]
  spawn(command, rest, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}

await start(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(error instanceof UsageError ? 2 : 1)
})
