import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../src/index.js'
import { UsageError } from '../../src/tools/arguments.mjs'
import type { Host } from '../../src/tools/train/headless.js'
import { parseHistory } from '../../src/tools/train/history.js'
import { loadData } from '../../src/tools/train/inputs.js'
import { withCommas } from '../../src/tools/train/progress.js'
import { trainJob } from '../../src/tools/train/train-job.js'
import { writeWhole } from '../../src/tools/train/write-file.js'
import { compare, table } from './compare.js'
import { parseOptions, usage, type Options } from './options.js'
import { planReproduction } from './plan.js'
import { commit, record, type Reproduced } from './record.js'
import { reproductions } from './reproductions.js'

/** The whole command; resolves to its exit code. */
export async function command(args: string[], host: Host): Promise<number> {
  const options = parseOptions(args)
  if (options) return reproduce(options, host)
  console.log(usage())
  return 0
}

async function reproduce(options: Options, host: Host): Promise<number> {
  const reproduction = reproductions[options.name](options.k)
  const length = options.short ? reproduction.short! : reproduction.full
  const loaded = await loadData(options.data)
  const data = reproduction.trainsOnAll ? { ...loaded, train: joined(loaded.train, loaded.test) } : loaded
  const { train, test } = data
  const job = planReproduction(reproduction, options, data)
  const folder = options.out ?? join('runs', `reproduce-${job.subject.split(' on ')[0]}`)
  if (!options.out && existsSync(join(folder, 'figures.json'))) {
    throw new UsageError(`${folder} has figures already; name another folder with --out`)
  }
  console.log(`${options.name}: ${reproduction.source}`)
  if (reproduction.note) console.log(reproduction.note)
  console.log(`${withCommas(train.count)} training and ${withCommas(test.count)} test images · ${job.settings.join(' · ')}`)
  const begun = { date: new Date().toISOString(), commit: commit() }
  const ended = await trainJob(job, { data, folder, adapter: options.adapter, host })
  if (ended.code !== 0 || options.steps) return ended.code

  const rows = parseHistory(await readFile(join(folder, 'history.csv'), 'utf8'))
  const figures = compare(rows, ended.testBound, length, { batchSize: reproduction.batchSize, count: train.count })
  const reproduced: Reproduced = {
    name: job.subject.split(' on ')[0],
    ...begun,
    adapter: ended.adapter,
    seed: options.seed,
    settings: job.settings,
    steps: ended.step,
    seconds: Math.round(ended.seconds),
    figures,
  }
  await writeWhole(join(folder, 'figures.json'), [Buffer.from(`${JSON.stringify(reproduced, null, 1)}\n`)])
  console.log(`\n${table(figures, length.testSamples)}`)
  if (options.record) console.log(`\nAdded to ${await record(reproduced)}`)
  return 0
}

/** Both sets as one. */
function joined(first: Dataset<Uint8Array>, second: Dataset<Uint8Array>): Dataset<Uint8Array> {
  const join = (a: Uint8Array, b: Uint8Array) => {
    const all = new Uint8Array(a.length + b.length)
    all.set(a)
    all.set(b, a.length)
    return all
  }
  return {
    shape: first.shape,
    count: first.count + second.count,
    images: join(first.images, second.images),
    ...(first.labels && second.labels && { labels: join(first.labels, second.labels) }),
  }
}
