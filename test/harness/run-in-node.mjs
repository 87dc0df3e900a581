// @ts-check
import { fork } from 'node:child_process'
import { join } from 'node:path'

/**
 * Runs one bundled file in a child process.
 *
 * @param {import('./runner.mjs').TestFile} file
 * @param {{ out: string, timeoutMs: number, env?: Record<string, string> }} options
 * @returns {Promise<import('./runner.mjs').Outcome>}
 */
export async function runInNode(file, { out, timeoutMs, env = {} }) {
  const child = fork(join(out, 'driver.mjs'), [join(out, `${file.name}.mjs`), file.suiteFilter], {
    execArgv: ['--enable-source-maps', '--expose-gc'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => (output += text))
  /** @type {Omit<import('./runner.mjs').Outcome, 'output'> | undefined} */
  let result
  child.on('message', (message) => (result = /** @type {NonNullable<typeof result>} */ (message)))
  let late = false
  const timer = setTimeout(() => {
    late = true
    kill()
  }, timeoutMs)
  const code = await new Promise((resolve) => child.on('close', (status, signal) => resolve(signal ?? status)))
  clearTimeout(timer)
  process.off('exit', kill)
  if (result) return { ...result, output }
  const why = late ? `hangs: not done after ${timeoutMs / 1000} s` : `ended before its tests did (exit ${code})`
  return { passed: 0, failed: 0, skipped: 0, filtered: 0, failures: [], expectedErrors: [], stray: [why], output }
}
