// @ts-check
// npm start [-- --no-open --port <number>]: builds the demo, serves it on this machine and opens a browser on it.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureInstalled } from './ensure-installed.mjs'

const args = process.argv.slice(2)

async function start() {
  const portAt = args.indexOf('--port')
  const port = portAt === -1 ? 5173 : Number(args[portAt + 1])
  if (!(Number.isInteger(port) && port >= 0 && port < 65536)) throw new Error('--port needs a number below 65536')
  await ensureInstalled()
  const { build } = await import('../../build.mjs')
  const { serve } = await import('./serve.mjs')
  await build()
  const { origin } = await serve({ mounts: { '/': fileURLToPath(new URL('../../dist/demo', import.meta.url)) }, port })
  console.log(`\n  elbo's demo is at ${origin}/\n  (Ctrl-C ends it)\n`)
  if (wantsBrowser()) open(`${origin}/`)
}

function wantsBrowser() {
  const { BROWSER, CI, DISPLAY, WAYLAND_DISPLAY } = process.env
  if (args.includes('--no-open') || CI || BROWSER === 'none') return false
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

await start().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
