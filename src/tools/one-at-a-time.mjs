// @ts-check
// Keeps processes from doing the same thing to the same folder at once.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

/**
 * Does something while no other process does, and no other caller in this one; waits for them. The lock of a process
 * that has ended counts no more.
 *
 * @template T
 * @param {string} lock a file that is there meanwhile, in a folder that exists
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function oneAtATime(lock, work) {
  while (!(await taken(lock))) await wait(100)
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

/** Whether the lock is ours now. @param {string} lock */
async function taken(lock) {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
  }
  // Nothing is in it yet where it was made a moment ago.
  const holder = Number(await readFile(lock, 'utf8').catch(() => ''))
  if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true })
  return false
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
