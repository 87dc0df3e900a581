import type { Host } from './headless.js'
import { loadData, readResumed, readSpec } from './inputs.js'
import { parseOptions, usage } from './options.js'
import { chooseFolder, planRun } from './plan-run.js'
import { withCommas } from './progress.js'
import { trainJob } from './train-job.js'

/** The whole command; resolves to its exit code. */
export async function command(args: string[], host: Host): Promise<number> {
  const options = parseOptions(args)
  if (!options) {
    console.log(usage)
    return 0
  }
  const spec = options.spec ? await readSpec(options.spec) : undefined
  const resumed = options.resume ? await readResumed(options.resume) : undefined
  const data = await loadData(options.data)
  const job = planRun(options, data, { resumed, spec })
  const folder = chooseFolder(options, data)
  console.log(`${job.subject}: ${withCommas(data.train.count)} training and ${withCommas(data.test.count)} test images`)
  console.log(job.settings.join(' · '))
  return (await trainJob(job, { data, resumed, folder, adapter: options.adapter, host })).code
}
