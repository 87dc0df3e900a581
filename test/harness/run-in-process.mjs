// @ts-check
import { fork } from 'node:child_process'
import { nothing } from './outcome.mjs'
import { inSources } from './sources.mjs'

/**
 * Runs one bundled file in a child process.
 *
 * @param {import('./test-file.mjs').TestFile} file
 * @param {object} options
 * @param {string} options.out the folder of the bundles
 * @param {string} options.driver the bundled driver
 * @param {number} options.timeoutMs
 * @param {string} [options.execPath] unless given, Node
 * @param {string[]} [options.execArgv]
 * @param {Record<string, string>} [options.env]
 * @returns {Promise<import('./outcome.mjs').Outcome>}
 */
export async function runInProcess(file, { out, driver, timeoutMs, execPath = process.execPath, execArgv, env = {} }) {
  const child = fork(driver, [`${out}/${file.name}.mjs`, JSON.stringify(file.selection)], {
    execPath,
    execArgv: execArgv ?? ['--enable-source-maps', '--expose-gc'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  let output = ''
  child.stderr?.setEncoding('utf8').on('data', (text) => (output += text))
  let current = ''
  /** @type {Omit<import('./outcome.mjs').Outcome, 'output'> | undefined} */
  let result
  child.on('message', (/** @type {{ current: string } | NonNullable<typeof result>} */ message) => {
    if ('current' in message) current = message.current
    else result = message
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    kill()
  }, timeoutMs)
  const code = await new Promise((resolve) => {
    child.on('close', (status, signal) => resolve(signal ?? status)).on('error', (error) => resolve(error.message))
  })
  clearTimeout(timer)
  process.off('exit', kill)
  if (result) return inSources({ ...result, output }, out)
  const why = late ? `hangs: not done after ${timeoutMs / 1000} s` : `ended before its tests did (exit ${code})`
  return { ...nothing, stray: [current ? `${why} (in ${current})` : why], output }
}
