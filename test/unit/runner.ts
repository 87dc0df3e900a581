// The runner on files that go wrong in every way it knows: each must count as failed, and none may stop the others.
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

interface Run {
  exitCode: number
  output: string
}

const runner = suite('runner')
const folder = `.cache/runner-${process.pid}`
const head = "import { suite } from 'uvu'\nconst test = suite('fake')\n"

runner.after(() => rm(folder, { recursive: true, force: true }))

runner('counts every kind of failure of a file in Node', async () => {
  const { exitCode, output } = await run('in-node', 10, {
    'unit/sound.ts': `${head}test('holds', () => {})\ntest.run()`,
    'unit/fails.ts': `${head}test('breaks', () => { throw new Error('broke') })\ntest.run()`,
    'unit/empty.ts': `${head}test('is never run', () => {})`,
    'unit/throws.ts': `${head}test('holds', () => {})\ntest.run()\nthrow new Error('at import')`,
    'unit/stray.ts': `${head}test('holds', () => void Promise.reject(new Error('stray')))\ntest.run()`,
    'unit/skips.ts': `${head}test('holds', () => {})\ntest.skip('not now')\ntest.run()`,
    'unit/exits.ts': `${head}test('leaves', () => process.exit(0))\ntest.run()`,
    'unit/hangs.ts': `${head}test('loops', () => { for (;;); })\ntest.run()`,
    'unit/unresolved.ts': "import './nowhere.js'",
  })
  assert.is(exitCode, 1, output)
  assert.match(output, /\n3 passed, 8 failed\n$/)
  assert.match(output, /sound\.ts +1 passed +\d/)
  assert.match(output, /fails\.ts +0 passed, 1 FAILED[^]*?breaks[^]*?broke[^]*?fails\.ts:3:/)
  assert.match(output, /empty\.ts +0 passed, 1 FAILED.*\n +holds no test/)
  assert.match(output, /throws\.ts +0 passed, 1 FAILED.*\n +did not load: Error: at import/)
  assert.match(output, /stray\.ts +1 passed, 1 FAILED.*\n +unhandled rejection: Error: stray/)
  assert.match(output, /skips\.ts +1 passed, 1 FAILED.*\n +1 tests skipped/)
  assert.match(output, /exits\.ts +0 passed, 1 FAILED.*\n +ended before its tests did/)
  assert.match(output, /hangs\.ts +0 passed, 1 FAILED.*\n +hangs/)
  assert.match(output, /unresolved\.ts +0 passed, 1 FAILED.*\n +does not bundle/)
})

runner('counts every kind of failure of a file in a page', async () => {
  const gpu = `import { gpuTest } from '../../../../test/harness/gpu.js'\n${head}`
  const { exitCode, output } = await run('in-page', 10, {
    'kernels/empty.ts': `${head}test('is never run', () => {})`,
    'kernels/hangs.ts': `${head}test('loops', () => { for (;;); })\ntest.run()`,
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
  })
  assert.is(exitCode, 1, output)
  assert.match(output, /\n3 passed, 6 failed\n$/)
  assert.match(output, /empty\.ts +0 passed, 1 FAILED.*\n +holds no test/)
  assert.match(output, /hangs\.ts +0 passed, 1 FAILED.*\n +hangs/)
  assert.match(output, /invalid\.ts +0 passed, 1 FAILED[^]*?validation: /)
  assert.match(output, /sound\.ts +1 passed +\d/)
  assert.match(output, /stray\.ts +1 passed, 1 FAILED.*\n +uncaught: Error: stray/)
  assert.match(output, /throws\.ts +0 passed, 1 FAILED.*\n +did not load: Error: at import/)
  assert.match(output, /uncaptured\.ts +1 passed, 1 FAILED.*\n +uncaptured GPU error/)
})

runner('withholds features and limits from devices on request, and refuses to do anything else', async () => {
  const files = {
    'kernels/greedy.ts': `import * as assert from 'uvu/assert'
      ${head}
      test('gets nothing but the defaults', async () => {
        const adapter = (await navigator.gpu.requestAdapter())!
        assert.ok(adapter.features.has('subgroups') && adapter.limits.maxBufferSize > 2 ** 28, 'the adapter has no more')
        const requiredLimits = { maxBufferSize: adapter.limits.maxBufferSize }
        const device = await adapter.requestDevice({ requiredFeatures: ['subgroups'], requiredLimits })
        assert.is(device.features.has('subgroups'), false)
        assert.is(device.limits.maxBufferSize, 2 ** 28)
      })
      test.run()`,
  }
  const minimal = await run('minimal', 60, files, { ELBO_DEVICE: 'minimal' })
  assert.is(minimal.exitCode, 0, minimal.output)
  const whole = await run('whole', 60, files)
  assert.is(whole.exitCode, 1, whole.output)
  assert.match((await run('other', 60, files, { ELBO_DEVICE: 'tiny' })).output, /ELBO_DEVICE is "tiny", needs minimal/)
})

/** Lays files out in a folder of their own and runs the runner on it. */
async function run(name: string, seconds: number, files: Record<string, string>, env = {}): Promise<Run> {
  for (const [path, text] of Object.entries(files)) {
    const target = join(folder, name, path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, text)
  }
  const args = ['test/run.mjs', '--no-lint', '--timeout', String(seconds), '--folder', join(folder, name)]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 200_000, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      resolve({ exitCode: error ? Number(error.code ?? 1) : 0, output: stderr + stdout })
    })
  })
}

runner.run()
