// @ts-check
// Debian's and Ubuntu's packages, where this process may install them.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { oneAtATime } from './one-at-a-time.mjs'

const timeoutMs = 10 * 60_000

/** Another's apt-get may be at work. */
const patience = ['-o', 'DPkg::Lock::Timeout=120']

/** The distribution, where this is root on one of the two. @returns {'debian' | 'ubuntu' | undefined} */
export function rootOn() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/etc/os-release')) return undefined
  const release = readFileSync('/etc/os-release', 'utf8')
  return /** @type {'debian' | 'ubuntu' | undefined} */ (/^ID="?(debian|ubuntu)"?$/m.exec(release)?.[1])
}

/**
 * Installs packages by apt-get, without what they only recommend.
 *
 * @param {string[]} packages
 * @returns {Promise<boolean>} whether it did; if not, apt-get's own words are on standard error
 */
export async function aptInstall(packages) {
  return oneAtATime(join(tmpdir(), 'elbo-apt-get.lock'), () => install(packages))
}

/** @param {string[]} packages @returns {Promise<boolean>} */
async function install(packages) {
  console.error(`Installing ${packages.join(' and ')} (apt-get) …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update', '-qq'], ['install', '-y', '-qq', '--no-install-recommends', ...packages]]) {
    const child = spawn('apt-get', ['-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20', ...patience, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: timeoutMs,
    })
    let complaints = ''
    child.stderr.on('data', (text) => (complaints += text))
    const code = await new Promise((resolve) => child.on('close', resolve).on('error', resolve))
    if (code !== 0 && args[0] === 'install') {
      console.error(`apt-get could not install it:\n${complaints.trim()}`)
      return false
    }
  }
  return true
}
