import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readArguments, UsageError } from '../../src/tools/arguments.mjs'
import { thrownBy } from '../support/errors.js'

const lines = suite('command lines')
const accepted = { values: ['epochs', 'out', 'batches'], flags: ['quick'] }

/** What is said of a line. */
async function complaint(line: string, check: (given: ReturnType<typeof readArguments>) => unknown = () => {}) {
  const error = await thrownBy(() => check(readArguments(line.split(' '), accepted)))
  assert.instance(error, UsageError, line)
  return error.message
}

lines('options have values in both spellings, flags have none, the last one counts', () => {
  const given = readArguments('--out a --epochs=3 --quick --out=b --batches 32,100'.split(' '), accepted)
  assert.equal([given.text('out'), given.whole('epochs'), given.has('quick'), given.has('help')], ['b', 3, true, false])
  assert.equal([given.wholes('batches'), given.list('out'), given.text('other')], [[32, 100], ['b'], undefined])
  assert.ok(readArguments(['-h'], accepted).has('help'))
})

lines('numbers that do not fit are refused in the same words, negative ones too', async () => {
  const epochs = (line: string) => complaint(line, (given) => given.whole('epochs'))
  for (const value of ['0', '-1', '1.5', 'many', '1e3', '99999999999999999999']) {
    const message = `--epochs needs a whole number from 1 on, got "${value}"`
    assert.is(await epochs(`--epochs ${value}`), message)
    assert.is(await epochs(`--epochs=${value}`), message)
  }
  assert.is(await complaint('--out -0.5', (given) => given.number('out')), '--out needs a number not below 0, got "-0.5"')
  assert.is(await complaint('--batches 32,0', (given) => given.wholes('batches')), '--batches needs a whole number from 1 on, got "0"')
})

lines('what is unknown or lacks its value is named, with what there is', async () => {
  assert.is(await complaint('--epoch 3'), '--epoch is unknown; there are --epochs, --out, --batches, --quick, --help')
  assert.is(await complaint('-x'), '-x is unknown; there are --epochs, --out, --batches, --quick, --help')
  for (const line of ['--out', '--out=', '--out --quick']) assert.is(await complaint(line), '--out needs a value')
  assert.is(await complaint('--quick=yes'), '--quick takes no value')
  assert.is(await complaint('fast'), '"fast" stands alone; every value follows its --option')
  const named = (given: ReturnType<typeof readArguments>) => given.oneOf('out', ['a', 'b'])
  assert.is(await complaint('--out c', named), '--out: there is no "c"; there are a, b')
})

lines('words stand alone where a command takes them', async () => {
  assert.equal(readArguments(['serve', '--quick', 'bench'], { ...accepted, words: true }).words, ['serve', 'bench'])
  assert.equal(readArguments(['iwae', '--quick'], { ...accepted, word: 'name' }).words, ['iwae'])
  const error = await thrownBy(() => readArguments(['a', 'b'], { word: 'name' }))
  assert.is(error.message, 'one name at a time: "a" or "b"')
})

lines.run()
