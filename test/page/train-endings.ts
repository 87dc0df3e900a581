// How npm run train ends when it does not get to the end: each command in its own process and browser.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { parseHistory } from '../../src/tools/train/history.js'
import { readModel } from '../../src/train/file.js'
import { suite } from '../harness/suite.js'
import { folderWithDigits, type Meanwhile, runCommand } from '../support/command.js'

const endings = suite('train › endings')
const common = ['--batch', '20', '--seed', '3', '--adapter', 'software']
let folder = ''
let data = ''

endings.before(async () => {
  ;({ folder, data } = await folderWithDigits('train', { train: 200, test: 40 }))
})
endings.after(() => rm(folder, { recursive: true, force: true }))

endings('stops at Ctrl-C, and what it saved goes on bit for bit', async () => {
  const [stopped, resumed, straight] = ['stopped', 'resumed', 'straight'].map((name) => join(folder, name))
  const begun = ['--preset', 'mlp', '--data', data, ...common]
  const model = (out: string) => readFile(join(out, 'model.safetensors'))
  const ended = await run([...begun, '--steps', '100000', '--out', stopped], { meanwhile: signalling('SIGINT', stopped) })
  assert.is(ended.code, 130, ended.text)
  assert.match(ended.text, 'Stopping after the steps under way')
  assert.ok(existsSync(join(stopped, 'reconstructions.png')))
  const { step } = readModel(await model(stopped)).training!.state
  assert.match(ended.text, `Stopped at step ${step.toLocaleString('en-US')}.`)

  const saved = join(stopped, 'model.safetensors')
  const both = await Promise.all([
    run(['--resume', saved, '--data', data, '--batch', '20', '--steps', '7', '--out', resumed, '--adapter', 'software']),
    run([...begun, '--steps', String(step + 7), '--checkpoint-every', '9', '--out', straight]),
  ])
  for (const { code, text } of both) assert.is(code, 0, text)
  assert.ok((await model(resumed)).equals(await model(straight)), 'the models have the same bytes')
  const [first, second] = await Promise.all(
    [resumed, straight].map(async (out) => parseHistory(await readFile(join(out, 'history.csv'), 'utf8'))),
  )
  assert.equal(first.at(-1), second.at(-1))
  assert.equal(first[0], second[0], 'the resumed history begins with that of the run before')
})

endings('stops at SIGTERM as at Ctrl-C', async () => {
  const out = join(folder, 'terminated')
  const args = ['--preset', 'mlp', '--data', data, '--steps', '100000', '--out', out, ...common]
  const ended = await run(args, { meanwhile: signalling('SIGTERM', out) })
  assert.is(ended.code, 143, ended.text)
  const { step } = readModel(await readFile(join(out, 'model.safetensors'))).training!.state
  assert.match(ended.text, `Stopped at step ${step.toLocaleString('en-US')}.`)
  assert.ok(existsSync(join(out, 'reconstructions.png')))
})

endings('killed outright it leaves a checkpoint of the last epoch, whole lines, and no browser', async () => {
  const out = join(folder, 'killed')
  const temporary = await mkdtemp(join(folder, 'tmp-'))
  const args = ['--preset', 'mlp', '--data', data, '--steps', '100000', '--out', out, ...common]
  let browsers = 0
  const ended = await run(args, {
    env: { TMPDIR: temporary, TEMP: temporary },
    meanwhile: signalling('SIGKILL', out, 'model.safetensors', () => (browsers = processesWith(temporary).length)),
  })
  assert.is(ended.code, null, ended.text)
  assert.ok(browsers > 0, 'a browser was there to be left behind')
  for (let waitedMs = 0; waitedMs < 10_000 && processesWith(temporary).length > 0; waitedMs += 100) await pause(100)
  assert.equal(processesWith(temporary), [], 'processes of its browser')
  for (let waitedMs = 0; waitedMs < 10_000 && profiles(temporary).length > 0; waitedMs += 100) await pause(100)
  assert.equal(profiles(temporary), [], 'profiles of its browser')
  assert.is(readModel(await readFile(join(out, 'model.safetensors'))).training!.state.step % 10, 0, 'ten steps are an epoch')
  assert.ok(parseHistory(await readFile(join(out, 'history.csv'), 'utf8')).length > 0)
})

endings('a file that cannot be written ends it in one sentence, and nothing unfinished is left', async () => {
  const out = join(folder, 'blocked')
  const path = join(out, 'model.safetensors')
  await mkdir(path, { recursive: true })
  await writeFile(join(folder, 'file'), '')
  const below = join(folder, 'file/out')
  const args = ['--preset', 'mlp', '--data', data, '--epochs', '1', ...common]
  const [blocked, unmade] = await Promise.all([run([...args, '--out', out]), run([...args, '--out', below])])
  assert.is(blocked.code, 1, blocked.text)
  assert.is(lastLine(blocked.text), `${path} cannot be written: it is a folder`)
  assert.not.match(blocked.text, /\n +at |Failed to load/)
  assert.equal((await readdir(out)).sort(), ['history.csv', 'model.safetensors'])
  assert.is(unmade.code, 1, unmade.text)
  assert.is(lastLine(unmade.text), `${below} cannot be made: a part of the path is no folder`)
})

endings('saves what was learned when the loss stops being finite', async () => {
  const out = join(folder, 'broken')
  const ended = await run([
    ...['--preset', 'autoencoder', '--data', data, '--steps', '40', '--out', out, ...common],
    ...['--optimizer', 'sgd', '--learning-rate', '1e30'],
  ])
  assert.is(ended.code, 1, ended.text)
  assert.match(ended.text, /(loss|gradient).* stopped being finite at step \d+/)
  assert.is(readModel(await readFile(join(out, 'model.safetensors'))).training!.state.optimizer.type, 'sgd')
})

/** Runs the command to its end. */
function run(args: string[], meanwhile?: Meanwhile) {
  return runCommand('src/tools/train.mjs', args, meanwhile)
}

/** Sends the signal once the run has written a file, and tells `before` it does. */
function signalling(name: NodeJS.Signals, out: string, file = 'history.csv', before = () => {}): Meanwhile['meanwhile'] {
  return (signal) => {
    const timer = setInterval(() => {
      if (!existsSync(join(out, file))) return
      clearInterval(timer)
      before()
      signal(name)
    }, 20)
  }
}

/** Running programs whose command lines name a folder; on Linux alone, elsewhere the profiles must do. */
function processesWith(folder: string): string[] {
  if (process.platform !== 'linux') return profiles(folder)
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return line.includes(folder) && !line.includes('watchdog') ? [line] : []
    } catch {
      return []
    }
  })
}

function profiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('elbo-browser-'))
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)!
}

endings.run()
