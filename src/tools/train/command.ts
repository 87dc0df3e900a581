import { presets } from '../../model/presets.js'
import { UsageError } from '../arguments.mjs'
import type { AnyDataset } from '../datasets.js'
import type { Host } from './headless.js'
import { loadDataFor, readCodesModel, readResumed, readSpec } from './inputs.js'
import { chosen, fewLabels } from './labels.js'
import { parseOptions, usage, type Options } from './options.js'
import { chooseFolder, planRun } from './plan-run.js'
import { withCommas } from './progress.js'
import { trainJob } from './train-job.js'

/** The data set without the class that is held out, and without the labels that are hidden. @throws UsageError */
export function prepared({ anomaly, labels }: Options, data: AnyDataset): AnyDataset {
  const { train, test } = data
  if (anomaly === undefined && labels === undefined) return data
  const option = anomaly === undefined ? 'labels' : 'anomaly'
  if (!train.labels || !test.labels) throw new UsageError(`--${option}: the data set has no labels`)
  if (anomaly !== undefined && (!test.labels.includes(anomaly) || test.labels.every((label) => label === anomaly))) {
    throw new UsageError(`--anomaly: the test images need some of class ${anomaly}, and some of others`)
  }
  const kept = anomaly === undefined ? train : chosen(train, (label) => label !== anomaly)
  if (kept.count === 0) throw new UsageError(`--anomaly: all training images are of class ${anomaly}`)
  if (labels === undefined) return { ...data, train: kept }
  if (labels > kept.count) throw new UsageError(`--labels ${labels} is more than the ${kept.count} training images`)
  return { ...data, train: { ...kept, labels: fewLabels(kept.labels!, labels) } }
}

/**
 * The whole command; resolves to its exit code.
 *
 * @param host opens the page to train in; without one this process trains
 * @param call how users call it
 */
export async function command(args: string[], host?: Host, call = 'npm run train --'): Promise<number> {
  const options = parseOptions(args)
  if (!options) {
    console.log(usage(call))
    return 0
  }
  const spec = options.spec ? await readSpec(options.spec) : undefined
  const resumed = options.resume ? await readResumed(options.resume) : undefined
  const codes = options.codes ? await readCodesModel(options.codes) : undefined
  const taker = codes?.spec ?? resumed?.model.spec ?? spec ?? presets[options.preset!]
  const data = prepared(options, await loadDataFor(taker, options.data))
  const job = planRun(options, data, { resumed, spec, codes })
  const folder = chooseFolder(options, data)
  console.log(`${job.subject}: ${withCommas(data.train.count)} training and ${withCommas(data.test.count)} test images`)
  console.log(job.settings.join(' · '))
  return (await trainJob(job, { data, resumed, codes: codes?.bytes, folder, adapter: options.adapter, host })).code
}
