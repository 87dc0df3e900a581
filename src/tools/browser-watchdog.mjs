// @ts-check
// Outlives the command that started a browser: when the command is killed, ends its browser and removes the profile.
//
//   node browser-watchdog.mjs PROFILE
//
// The command holds the other end of standard input. It writes the browser's process id once it knows it, and "done"
// once it has closed the browser itself; an end of input before that means that the command is gone.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'

const [, , profile] = process.argv
let told = ''

process.stdin.setEncoding('utf8').on('data', (text) => (told += text))
process.stdin.on('close', () => {
  if (told.includes('done')) return
  for (const pid of [Number(told.trim()) || 0, ...browsersOf(profile)]) if (pid > 0) kill(pid)
  rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

/** @param {number} pid */
function kill(pid) {
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/T', '/F'])
    return
  }
  try {
    process.kill(-pid, 'SIGKILL') // puppeteer gives the browser a process group of its own
  } catch {
    // It has ended already.
  }
}

/** A browser whose process id the command had no time to tell, by its command line. @param {string} folder */
function browsersOf(folder) {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return pid !== process.pid && args.some((arg) => arg === folder || arg.endsWith(`=${folder}`))
    } catch {
      return false
    }
  })
}
