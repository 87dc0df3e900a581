import * as assert from 'uvu/assert'
import { suite } from '../harness/suite.js'
import { publicCalls } from './fuzz-calls.js'
import { fuzz } from './fuzz-check.js'
import { parsers } from './fuzz-files.js'

/** A test for every parser, with so many inputs. */
export async function fuzzParsers(runs: number): Promise<void> {
  const test = suite('parsers of what comes from strangers')
  for (const [name, { inputs, call, mostBytes }] of Object.entries(await parsers())) {
    test(`${name}: ${runs} inputs are read or refused by name, soon and in little room`, async () => {
      expectBoth(await fuzz(inputs, call, { runs, mostBytes }), runs)
    })
  }
  test.run()
}

/** A test for every public function, with so many lists of arguments. */
export async function fuzzCalls(runs: number): Promise<void> {
  const test = suite('arguments of public functions')
  for (const [name, { inputs, call }] of Object.entries(await publicCalls())) {
    test(`${name}: ${runs} lists are taken or refused by name, soon`, async () => {
      expectBoth(await fuzz(inputs, call, { runs }), runs)
    })
  }
  test.run()
}

/** Fails unless some were refused and some were not: a generator that gives one kind only shows little. */
function expectBoth(refused: number, runs: number): void {
  assert.ok(refused > 0.02 * runs && refused < runs, `${refused} of ${runs} were refused`)
}
