import * as assert from 'uvu/assert'
import { parseOptions } from '../../bench/options.mjs'
import { Loop } from '../../bench/peers/page/loop.js'
import { channelsLast, permuted } from '../../bench/peers/page/layout.js'
import type { Page, Prepared } from '../../bench/peers/page/main.js'
import type { PeerPage } from '../../bench/peers/pages.mjs'
import { peersTables } from '../../bench/peers/report.mjs'
import { prepare, takeTurns } from '../../bench/peers/turns.mjs'
import type { LibraryName } from '../../bench/peers/results.js'
import { presets } from '../../src/index.js'
import { formulaModel } from '../fixtures.js'
import { suite } from '../harness/suite.js'

const peers = suite('npm run bench -- --peers')
const task = { preset: 'mlp', batch: 32, seed: 7 }
const extent = { rounds: 3, windowMs: 10, decodeMs: 1 }

/** A page that measures nothing: what is asked of it goes into `log`, and it answers with made-up figures. */
function fakePage(library: LibraryName, stepMs: number, log: string[] = [], given: Partial<Prepared> = {}) {
  const counts = { dispatches: 14, bindGroups: 0, buffers: 0, submissions: 1 }
  const adapter = { vendor: '', architecture: '', device: '', description: '' }
  const answers: Page = {
    prepare: async () => ({
      firstStepMs: 10 * stepMs, lastStepMs: stepMs, counts, losses: [500, 400], images: [0.5], files: [], adapter,
      ...given,
    }),
    settle: async () => 'every step',
    train: async () => ({ steps: 4, elapsedMs: 4 * stepMs }),
    trainCounted: async () => ({ steps: 1, elapsedMs: 9 * stepMs, counts }),
    decode: async (count) => ({ calls: 2, elapsedMs: 2 * count * stepMs }),
  }
  const page = {
    library,
    limitMs: 1000,
    leftMs: 1000,
    async call(name: keyof Page, ...args: never[]) {
      log.push(`${library} ${name}`)
      page.leftMs -= 1
      return (answers[name] as (...args: never[]) => Promise<unknown>)(...args)
    },
    async close() {
      log.push(`${library} closed`)
    },
  }
  return { page: page as unknown as PeerPage, answers, fake: page }
}

peers('options: whole seconds from 1 on, and nothing that asks for another table', () => {
  assert.equal(parseOptions(['--peers']).peerSeconds, 120)
  const { peers, peerSeconds } = parseOptions(['--peers', '--peer-seconds=30'])
  assert.equal([peers, peerSeconds], [true, 30])
  assert.throws(() => parseOptions(['--peers', '--profile', 'mlp']), /^--peers goes with no --profile or --filter$/)
  assert.throws(() => parseOptions(['--peer-seconds', '0']), /^--peer-seconds needs a whole number from 1 on, got "0"$/)
})

peers('libraries take turns, and ratios come from neighbouring ones', async () => {
  const log: string[] = []
  const elbo = await prepare(fakePage('elbo', 2, log).page, task)
  const other = await prepare(fakePage('tfjs', 7, log).page, task, elbo.prepared)
  await takeTurns([elbo, other], extent)
  const trained = log.filter((line) => line.endsWith(' train'))
  assert.equal(trained, ['elbo train', 'tfjs train', 'elbo train', 'tfjs train', 'elbo train', 'tfjs train'])
  const { step, ratios, decode, waits } = other.cell
  assert.equal(step!.samplesMs, [7, 7, 7])
  assert.equal([waits, step!.executions, decode![225]!.medianMs], ['every step', 4, 1575])
  assert.equal(ratios, { firstStep: 3.5, step: 3.5, decode: { 1: 3.5, 225: 3.5 } })
})

peers('a step of seconds is measured one by one, also before the turns', async () => {
  const elbo = await prepare(fakePage('elbo', 2).page, task)
  const log: string[] = []
  const { page, fake } = fakePage('tfjs', 20_000, log)
  const other = await prepare(page, task, elbo.prepared)
  fake.leftMs = 900 // no time for another of 20 s
  await takeTurns([elbo, other], extent)
  assert.equal(other.cell.step!.samplesMs, [20_000])
  assert.not.ok(log.includes('tfjs settle') || log.includes('tfjs train'))
  assert.is(other.cell.decode![1]!.medianMs, 20_000)
})

peers('other losses or pixels are an error, and so is a failure in the turns', async () => {
  const elbo = await prepare(fakePage('elbo', 2).page, task)
  const wrong = async (given: Partial<Prepared>) => {
    try {
      await prepare(fakePage('jax-js', 2, [], given).page, task, elbo.prepared)
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  assert.match(await wrong({ losses: [500, 401] }), "it computes something else: losses 500, 401, elbo's 500, 400")
  assert.match(await wrong({ losses: [500, NaN] }), 'losses 500, NaN')
  assert.match(await wrong({ images: [0.53] }), 'decoded pixels are off by 0.03')
  assert.is(await wrong({ losses: [500.4, 400.3], images: [0.51] }), '')

  const log: string[] = []
  const { page, answers } = fakePage('jax-js', 7, log)
  const failing = await prepare(page, task, elbo.prepared)
  answers.decode = () => Promise.reject(new Error('out of memory'))
  await takeTurns([elbo, failing], extent)
  assert.is(failing.cell.error, 'out of memory')
  assert.is(failing.cell.step!.medianMs, 7)
  assert.is(log.filter((line) => line === 'jax-js decode').length, 1)
  assert.is(log.at(-1), 'jax-js closed')
})

peers('the tables have a row for every library, also for one that fails', async () => {
  const elbo = await prepare(fakePage('elbo', 2).page, task)
  const other = await prepare(fakePage('jax-js', 7).page, task, elbo.prepared)
  await takeTurns([elbo, other], extent)
  const sizes = { minifiedBytes: 200_000, gzipBytes: 50_000 }
  const libraries = [
    { name: 'elbo' as const, version: '1.0.0', ...sizes },
    { name: 'jax-js' as const, version: '2.0.0', minifiedBytes: 300_000, gzipBytes: 100_000 },
  ]
  const cells = [elbo.cell, { library: 'tfjs' as const, error: 'no gradient' }, other.cell]
  const text = peersTables({ libraries, presets: [{ preset: 'mlp', batch: 32, cells }] }, 'an adapter')
  const rows = text.split('\n').filter((line) => line.startsWith('| mlp, batch 32'))
  assert.is(rows.length, 6)
  assert.match(rows[2], /jax-js +\| verified +\| +0\.0700 \| 3\.50× .* 7\.00 \| +7\.00 \| +0 % \| +3\.50×/)
  assert.match(rows[1], /TensorFlow\.js \| failed/)
  assert.match(text, '- mlp, TensorFlow.js: no gradient')
  assert.match(text, /jax-js +\| 2\.0\.0 +\| +300 \| +100 \| 2\.00×/)
})

peers('a loop waits in the way that is fastest, and leaves no loss behind', async () => {
  let alive = 0
  let waits = 0
  const updates = {
    update: () => {
      alive++
      return { dispose: () => alive-- }
    },
    read: async () => {
      waits++
      await new Promise((resolve) => setTimeout(resolve, 2))
      return 1
    },
  }
  const loop = new Loop(updates, 16)
  assert.is(await loop.settle(), 'every 20 steps')
  waits = 0
  const { steps } = await loop.train({ warmUpMs: 0, windowMs: 0 })
  assert.equal([steps, waits, alive], [20, 1, 0])
})

peers('weights go to channels-last layouts, and images that are flattened with them', () => {
  const { data, shape } = permuted({ shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) }, [1, 0])
  assert.equal([shape, [...data]], [[3, 2], [0, 3, 1, 4, 2, 5]])

  const parameters = formulaModel(presets.conv, 7)
  const converted = channelsLast(presets.conv, parameters)
  assert.equal(converted['encoder.1.weight'].shape, [3, 3, 32, 64])
  assert.equal(converted['decoder.2.weight'].shape, [3, 3, 32, 64])
  const [c, h, w, o] = [5, 3, 2, 17]
  const reads = converted['encoder.5.weight'].data[((h * 14 + w) * 64 + c) * 32 + o]
  assert.is(reads, parameters['encoder.5.weight'].data[o * 12544 + (c * 14 + h) * 14 + w])
  const writes = converted['decoder.0.weight'].data[1 * 12544 + (h * 14 + w) * 64 + c]
  assert.is(writes, parameters['decoder.0.weight'].data[((c * 14 + h) * 14 + w) * 2 + 1])
  const bias = converted['decoder.0.bias'].data[(h * 14 + w) * 64 + c]
  assert.is(bias, parameters['decoder.0.bias'].data[(c * 14 + h) * 14 + w])
})

peers.run()
