// The runner on files that go wrong in every way it knows: each must count as failed, and none may stop the others.
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { oncePerSuite, shortFormTests } from '../harness/short-form.mjs'

interface Run {
  exitCode: number
  output: string
}

const runner = suite('runner')
const folder = `.cache/runner-${process.pid}`
const head = "import { suite } from 'uvu'\nconst test = suite('fake')\n"

runner.after(() => rm(folder, { recursive: true, force: true }))

runner('counts every kind of failure of a file in Node', async () => {
  const { exitCode, output } = await run('in-node', {
    'unit/sound.ts': `${head}test('holds', () => {})\ntest.run()`,
    'unit/fails.ts': `${head}test('breaks', () => { throw new Error('broke') })\ntest.run()`,
    'unit/empty.ts': `${head}test('is never run', () => {})`,
    'unit/throws.ts': `${head}test('holds', () => {})\ntest.run()\nthrow new Error('at import')`,
    'unit/stray.ts': `${head}test('holds', () => void Promise.reject(new Error('stray')))\ntest.run()`,
    'unit/skips.ts': `${head}test('holds', () => {})\ntest.skip('not now')\ntest.run()`,
    'unit/exits.ts': `${head}test('leaves', () => process.exit(0))\ntest.run()`,
    'unit/unresolved.ts': "import './nowhere.js'",
  })
  assert.is(exitCode, 1, output)
  assert.match(output, /\n3 passed, 7 failed\n$/)
  assert.match(output, /sound\.ts +1 passed +\d/)
  assert.match(output, /fails\.ts +0 passed, 1 FAILED[^]*?breaks[^]*?broke[^]*?fails\.ts:3:/)
  assert.match(output, /empty\.ts +0 passed, 1 FAILED.*\n +holds no test/)
  assert.match(output, /throws\.ts +0 passed, 1 FAILED.*\n +did not load: Error: at import/)
  assert.match(output, /stray\.ts +1 passed, 1 FAILED.*\n +unhandled rejection: Error: stray/)
  assert.match(output, /skips\.ts +1 passed, 1 FAILED.*\n +1 tests skipped/)
  assert.match(output, /exits\.ts +0 passed, 1 FAILED.*\n +ended before its tests did/)
  assert.match(output, /unresolved\.ts +0 passed, 1 FAILED.*\n +does not bundle/)
  const traced = "import { suite } from '../../../../test/harness/suite.js'\nconst test = suite('fake')\n"
  const hanging = { 'unit/hangs.ts': `${traced}test('loops', () => { for (;;); })\ntest.run()` }
  const late = await run('hanging', hanging, {}, ['--timeout', '3'])
  assert.match(late.output, /hangs\.ts +0 passed, 1 FAILED.*\n +hangs: not done after 3 s \(in fake › loops\)/)
})

const gpu = `import { gpuTest } from '../../../../test/harness/gpu.js'\n${head}`

/** One of every kind of failure on a GPU. */
const failing = {
  'kernels/empty.ts': `${head}test('is never run', () => {})`,
  'kernels/invalid.ts': `${gpu}
    gpuTest(test, 'asks for a useless buffer', ({ device }) => void device.createBuffer({ size: 4, usage: 0 }))
    test.run()`,
  'kernels/sound.ts': `${gpu}gpuTest(test, 'holds', () => {})\ntest.run()`,
  'kernels/stray.ts': `${head}test('holds', () => void Promise.reject(new Error('stray')))\ntest.run()`,
  'kernels/throws.ts': `${head}test('holds', () => {})\ntest.run()\nthrow new Error('at import')`,
  'kernels/uncaptured.ts': `${head}
    test('holds', async () => {
      const device = await (await navigator.gpu.requestAdapter())!.requestDevice()
      device.createBuffer({ size: 4, usage: 0 })
      await device.queue.onSubmittedWorkDone()
    })
    test.run()`,
}

const hanging = { 'kernels/hangs.ts': `${head}test('loops', () => { for (;;); })\ntest.run()` }

const places = {
  'a page of Chrome': { ELBO_BROWSER: 'chrome', ELBO_RUNTIME: 'browser' },
  'a page of Firefox': { ELBO_BROWSER: 'firefox', ELBO_RUNTIME: 'browser' },
  'a process of Deno': { ELBO_RUNTIME: 'deno' },
}

for (const [place, env] of Object.entries(places)) {
  runner(`counts every kind of failure of a file in ${place}`, async () => {
    // At once: starting and waiting is most of it.
    const [{ exitCode, output }, late] = await Promise.all([
      run(`in ${place}`, failing, env),
      run(`hanging in ${place}`, hanging, env, ['--timeout', '3']),
    ])
    assert.is(exitCode, 1, output)
    assert.match(output, /\n3 passed, 5 failed\n$/)
    assert.match(output, /empty\.ts +0 passed, 1 FAILED.*\n +holds no test/)
    assert.match(output, /invalid\.ts +0 passed, 1 FAILED[^]*?validation: /)
    assert.match(output, /sound\.ts +1 passed +\d/)
    assert.match(output, /stray\.ts +1 passed, 1 FAILED.*\n +(uncaught|unhandled rejection): .*Error: stray/)
    assert.match(output, /throws\.ts +0 passed, 1 FAILED.*\n +did not load: Error: at import/)
    assert.match(output, /uncaptured\.ts +1 passed, 1 FAILED.*\n +uncaptured GPU error/)
    assert.match(late.output, /hangs\.ts +0 passed, 1 FAILED.*\n +hangs: not done after 3 s/, late.output)
  })
}

runner('withholds features and limits from devices on request, and refuses to do anything else', async () => {
  const files = {
    'kernels/greedy.ts': `import * as assert from 'uvu/assert'
      ${head}
      test('gets nothing but the defaults', async () => {
        const adapter = (await navigator.gpu.requestAdapter())!
        assert.ok(adapter.features.has('timestamp-query') && adapter.limits.maxBufferSize > 2 ** 28, 'the adapter has no more')
        const requiredLimits = { maxBufferSize: adapter.limits.maxBufferSize }
        const device = await adapter.requestDevice({ requiredFeatures: ['timestamp-query'], requiredLimits })
        assert.is(device.features.has('timestamp-query'), false)
        assert.is(device.limits.maxBufferSize, 2 ** 28)
      })
      test.run()`,
  }
  const minimal = Object.entries(places).map(([place, env]) => {
    return run(`minimal in ${place}`, files, { ...env, ELBO_DEVICE: 'minimal' })
  })
  for (const { exitCode, output } of await Promise.all(minimal)) assert.is(exitCode, 0, output)
  const whole = await run('whole', files)
  assert.is(whole.exitCode, 1, whole.output)
  for (const [name, value, needs] of [
    ['ELBO_DEVICE', 'tiny', 'needs minimal'],
    ['ELBO_BROWSER', 'netscape', 'needs chrome .* or firefox'],
    ['ELBO_RUNTIME', 'bun', 'needs browser, deno or node'],
    ['ELBO_ADAPTER', 'any', 'needs software or default'],
  ]) {
    assert.match((await run('other', files, { [name]: value })).output, new RegExp(`${name} is "${value}", ${needs}`))
  }
})

runner('runs of the short form the first test of every kernel, and the tests that it names', async () => {
  const part = (suite: string, titles: string[]) => `{
    const test = suite(${JSON.stringify(suite)})
    ${titles.map((title) => `test(${JSON.stringify(title)}, () => {})`).join('\n')}
    test('is not of the short form', () => { throw new Error('ran') })
    test.run()
  }`
  const top = "import { suite } from '../../../../test/harness/suite.js'\n"
  const files: Record<string, string> = {
    'kernels/other.ts': `${top}${part('a kernel again', [])}`,
    'model/other.ts': `${top}${part('other', [])}`,
  }
  for (const name of oncePerSuite) {
    files[`${name}.ts`] = `${top}${part(`one of ${name}`, ['is sound'])}\n${part(`other of ${name}`, ['is sound'])}`
  }
  for (const [name, starts] of Object.entries(shortFormTests)) {
    const named = starts.map((start) => start.split(' › '))
    files[`${name}.ts`] = top + named.map(([suite, title]) => part(suite, [`${title} and more`])).join('\n')
  }
  const count = 2 * oncePerSuite.length + Object.values(shortFormTests).flat().length
  const { output } = await run('short', files, { ELBO_RUNTIME: 'deno' }, ['--short'])
  assert.match(output, new RegExp(`\\n${count} passed, 0 failed\\n$`))
  const [name, [start]] = Object.entries(shortFormTests)[0]
  const without = { ...files, [`${name}.ts`]: files[`${name}.ts`].replace(' and more', '').replace(start.split(' › ')[1], '') }
  const lacking = await run('short without one', without, { ELBO_RUNTIME: 'deno' }, ['--short'])
  assert.match(lacking.output, new RegExp(`did not load: Error: no test begins like ${start}`))
  const { [`${name}.ts`]: _, ...fewer } = files
  const gone = await run('short without a file', fewer, { ELBO_RUNTIME: 'deno' }, ['--short'])
  assert.match(gone.output, new RegExp(`the short form names ${name}, which is not there`))
})

/** Lays files out in a folder of their own and runs the runner on it. */
async function run(
  name: string,
  files: Record<string, string>,
  env: Record<string, string> = {},
  options: string[] = [],
): Promise<Run> {
  for (const [path, text] of Object.entries(files)) {
    const target = join(folder, name, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
  }
  const args = ['test/run.mjs', '--no-lint', '--folder', join(folder, name), ...options]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 400_000, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? Number(error.code ?? 1) : 0, output: stderr + stdout })
    })
  })
}

runner.run()
