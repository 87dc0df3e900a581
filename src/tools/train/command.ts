import { UsageError } from './arguments.js'
import { trainInPage, type BundlePage } from './headless.js'
import { loadData, readResumed } from './inputs.js'
import { parseOptions, usage, type Options } from './options.js'
import { chooseFolder, planRun } from './plan-run.js'
import { withCommas } from './progress.js'

/** The whole command; resolves to its exit code. */
export async function command(args: string[], bundlePage: BundlePage): Promise<number> {
  try {
    const options = parseOptions(args)
    if (options) return await trainHeadless(options, bundlePage)
    console.log(usage)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n(npm run train -- --help says what there is)`)
    return 2
  }
}

async function trainHeadless(options: Options, bundlePage: BundlePage): Promise<number> {
  const resumed = options.resume ? await readResumed(options.resume) : undefined
  const data = await loadData(options.data)
  const job = planRun(options, data, resumed)
  const folder = chooseFolder(options, data)
  console.log(`${job.subject}: ${withCommas(data.train.count)} training and ${withCommas(data.test.count)} test images`)
  console.log(job.settings.join(' · '))
  return (await trainInPage(job, { data, resumed, folder, adapter: options.adapter, bundlePage })).code
}
