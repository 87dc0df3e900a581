import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import type { Report } from '../../bench/record.js'
import type { PyTorchComparison } from '../../bench/results.js'
import { suite } from '../harness/suite.js'

const bench = suite('npm run bench -- --runtime node')

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

function run(cwd: string, ...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr })
    })
  })
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'elbo-bench-'))
  try {
    await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

bench('measures ceilings, what a step has to cost, and the step', () =>
  inFolder(async (folder) => {
    const out = join(folder, 'report.json')
    const adapter = process.env.ELBO_ADAPTER === 'default' ? 'default' : 'software'
    const only = ['--presets', 'autoencoder', '--filter', 'autoencoder']
    const options = ['--runtime', 'node', '--quick', '--adapter', adapter, '--out', out, ...only]
    const { code, stdout, stderr } = await run('.', 'bench/run.mjs', ...options)
    assert.is(code, 0, stderr)

    const { runtime, ceilings, presets: [step] }: Report = JSON.parse(await readFile(out, 'utf8'))
    assert.match(runtime, /^Dawn \(webgpu \d/)
    const { product, products, copy, dispatch } = ceilings!
    assert.ok(products.length >= 6 && products.every(({ perSecond }) => perSecond <= product.perSecond))
    assert.ok(product.perSecond > 0 && copy.perSecond > 0 && dispatch.gpuMs > 0 && dispatch.encodeMs > 0)

    const { dispatchMs, arithmeticMs, memoryMs, sumMs, measuredMs, ratio } = step.cost
    assert.is(dispatchMs, step.dispatches * dispatch.gpuMs)
    assert.is(arithmeticMs, (1000 * step.flops) / product.perSecond)
    assert.ok(memoryMs > 0 && memoryMs < (1000 * step.bytes) / copy.perSecond)
    assert.equal([sumMs, measuredMs], [dispatchMs + arithmeticMs + memoryMs, step.step.medianMs])
    assert.is(ratio, measuredMs / sumMs)

    const headings = stdout.split('\n').filter((line) => line.startsWith('## ')).map((line) => line.replace(/ (of|on) .*/, ''))
    assert.equal(headings, ['## Ceilings', '## What a step has to cost', '## Training steps'])
    assert.ok(stdout.split('\n').some((line) => line.startsWith('| autoencoder') && line.endsWith('× |')), stdout)
  }))

bench('puts PyTorch beside elbo, or says that there is none', () =>
  inFolder(async (folder) => {
    const out = join(folder, 'report.json')
    const only = ['--presets', 'mlp', '--batches', '8', '--adapter', 'software', '--out', out]
    const { code, stdout, stderr } = await run('.', 'bench/run.mjs', '--runtime', 'node', '--peers', '--quick', ...only)
    assert.is(code, 0, stderr)
    const { version, reason, tf32, rows: [elbo, eager] }: PyTorchComparison = JSON.parse(await readFile(out, 'utf8')).pytorch
    assert.equal([elbo.way, elbo.ratio, elbo.step!.samplesMs.length, elbo.losses!.length], ['elbo', 1, 4, 4])
    if (version === undefined) {
      assert.match(reason!, 'set PYTHON to a Python that has it')
      assert.ok(stdout.includes(`PyTorch: ${reason}`), stdout)
      return
    }
    assert.equal([tf32, eager.way, eager.error], [false, 'eager', undefined])
    assert.ok(eager.lossDistance! <= 1e-3 && eager.losses!.length === 4)
    assert.is(eager.ratio, eager.step!.medianMs / elbo.step!.medianMs)
    assert.ok(stdout.includes(`PyTorch ${version} on`), stdout)
    assert.ok(stdout.split('\n').some((line) => line.includes('| PyTorch, eager |')), stdout)
  }))

bench('can be built into a folder that runs without the repository', () =>
  inFolder(async (folder) => {
    const built = await run('.', 'bench/run.mjs', '--build-only', join(folder, 'bench'))
    assert.is(built.code, 0, built.stderr)
    assert.equal((await readdir(join(folder, 'bench'))).sort(), ['bench.mjs', 'pytorch.py'])
    const script = join(resolve(folder), 'bench/bench.mjs')
    const [help, wrong] = [await run(folder, script, '--help'), await run(folder, script, '--fast')]
    assert.is(help.code, 0, help.stderr)
    assert.match(help.stdout, '--build-only <folder>')
    assert.is(wrong.code, 2)
    assert.match(wrong.stderr, 'bench: --fast is unknown; there are --runtime, ')
  }))

bench.run()
