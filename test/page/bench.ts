import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { PageReport, Timing } from '../../bench/results.js'
import { suite } from '../harness/suite.js'

const bench = suite('npm run bench')

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

/** Runs the benchmark's command from the repository's root. */
function runBench(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['bench/run.mjs', ...args], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
  })
}

/** Samples are positive, and the summary is theirs. */
function assertTiming(timing: Timing | undefined, what: string): void {
  assert.ok(timing, `${what} was not timed`)
  const { samplesMs, medianMs, minMs, executions } = timing!
  assert.ok(samplesMs.length >= 3 && executions >= 1, `${what} has ${samplesMs.length} samples`)
  assert.ok(samplesMs.every((ms) => ms > 0 && Number.isFinite(ms)), `${what} took ${samplesMs} ms`)
  assert.is(minMs, Math.min(...samplesMs))
  assert.ok(medianMs >= minMs && medianMs <= Math.max(...samplesMs))
}

bench('prints a table and writes a complete, plausible report', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'elbo-bench-'))
  try {
    const out = join(folder, 'report.json')
    const adapter = process.env.ELBO_ADAPTER === 'default' ? 'default' : 'software'
    const { code, stdout, stderr } = await runBench('--quick', '--adapter', adapter, '--out', out)
    assert.is(code, 0, stderr)

    const report: PageReport & Record<string, unknown> = JSON.parse(await readFile(out, 'utf8'))
    for (const name of ['date', 'commit', 'runtime', 'node', 'platform', 'processor', 'cores', 'seed', 'adapter', 'clock']) {
      assert.ok(report[name] !== undefined && report[name] !== '', `the report lacks "${name}"`)
    }

    assert.ok(report.kernels.length >= 8)
    for (const row of report.kernels) {
      const what = `${row.kernel} ${row.shape}`
      assert.is(row.check.state, 'verified', `${what}: ${row.check.detail}`)
      assertTiming(row.timing, what)
      const [work, rate] = row.flops > 0 ? [row.flops, row.gflops] : [row.bytes, row.gigabytes]
      const expected = work / 1e6 / row.timing!.medianMs
      assert.ok(Math.abs(rate! - expected) <= 1e-6 * expected, `${what}: ${rate} does not follow from its time`)
    }
    const tiled = report.kernels.filter(({ kernel }) => kernel.startsWith('dense_') && !kernel.endsWith('_naive'))
    assert.ok(tiled.length >= 2 && tiled.every(({ naiveRatio }) => naiveRatio! > 0))

    assert.equal(report.presets.map(({ preset }) => preset), ['mlp'])
    const [mlp] = report.presets
    assertTiming(mlp.step, 'the step of mlp')
    assert.is(mlp.parameters, 404_244)
    assert.ok(mlp.dispatches <= 14 && mlp.bytes > 0 && mlp.firstStepMs > 0 && mlp.lastLoss < mlp.firstLoss)
    assertTiming(mlp.naive!.tiled, 'the tiled step')
    assertTiming(mlp.naive!.naive, 'the naive step')
    assert.ok(mlp.naive!.ratio > 0)

    const headings = stdout.split('\n').filter((line) => line.startsWith('## '))
    assert.is(headings.length, 6)
    if (report.isSoftware) assert.ok(headings.every((line) => line.includes('software adapter')), headings.join('\n'))
    for (const { kernel, shape } of report.kernels) {
      assert.ok(stdout.split('\n').some((line) => line.includes(kernel) && line.includes(shape)), `no row of ${kernel}`)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

bench('refuses options it does not know, and values that do not fit', async () => {
  const outcomes = await Promise.all([
    runBench('--fast'), runBench('--adapter', 'gpu'), runBench('--seed', '1.5'), runBench('--out'), runBench('--help'),
  ])
  assert.equal(outcomes.map(({ code }) => code), [2, 2, 2, 2, 0])
  assert.match(outcomes[0].stderr, '--fast is unknown; there are --runtime, ')
  assert.match(outcomes[1].stderr, '--adapter: there is no "gpu"; there are default, software')
  assert.match(outcomes[2].stderr, '--seed needs a whole number from 0 on, got "1.5"')
  assert.match(outcomes[3].stderr, '--out needs a value')
  assert.match(outcomes[4].stdout, '--profile <preset>')
})

bench.run()
