// Locks between processes, as two runs on a fresh machine need that install into one folder.
import { spawn, spawnSync } from 'node:child_process'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { oneAtATime } from '../../src/tools/one-at-a-time.mjs'
import { suite } from '../harness/suite.js'

const test = suite('one at a time')
const folder = await mkdtemp(join(tmpdir(), 'elbo-lock-'))

test.after(() => rm(folder, { recursive: true }))

test('lets one caller in after the other, also after one that failed', async () => {
  const lock = join(folder, 'callers')
  let inside = 0
  const work = async (fails: boolean) => {
    assert.is(++inside, 1)
    await wait(20)
    inside--
    if (fails) throw new Error('broke')
    return 'done'
  }
  const ends = await Promise.allSettled([true, false, true, false].map((fails) => oneAtATime(lock, () => work(fails))))
  assert.equal(ends.map((end) => (end.status === 'fulfilled' ? end.value : end.reason.message)).sort(), [
    'broke',
    'broke',
    'done',
    'done',
  ])
  assert.is(await access(lock).catch((error) => error.code), 'ENOENT')
})

test('waits for another process, and not for one that was killed', async () => {
  const lock = join(folder, 'processes')
  const program = `
    import { oneAtATime } from ${JSON.stringify(resolve('src/tools/one-at-a-time.mjs'))}
    await oneAtATime(${JSON.stringify(lock)}, () => new Promise(() => {
      process.stdout.write('in')
      setTimeout(() => {}, 60_000)
    }))`
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((done) => other.stdout.once('data', done))
  let entered = false
  const mine = oneAtATime(lock, async () => void (entered = true))
  await wait(400)
  assert.is(entered, false)
  other.kill('SIGKILL')
  await mine
  assert.ok(entered)
})

test('takes over what a process left that is long gone', async () => {
  const lock = join(folder, 'stale')
  await writeFile(lock, String(spawnSync(process.execPath, ['-e', '']).pid))
  assert.is(await oneAtATime(lock, async () => 'in'), 'in')
})

test('says why there can be no lock', async () => {
  const outcome = await oneAtATime(join(folder, 'nowhere', 'lock'), async () => 'in').catch((error) => error.code)
  assert.is(outcome, 'ENOENT')
})

test.run()
