import { readArguments } from '../arguments.mjs'
import { lossLine } from '../train/loss-words.js'
import { withCommas } from '../train/progress.js'
import { IMAGE_OPTIONS, imagesFor, imagesUsage } from './images.js'
import { modelPath, openModel } from './open-model.js'
import { ADAPTER_OPTION, adapterUsage, withModel } from './with-model.js'

export const usage = `elbo evaluate MODEL.safetensors --data NAME|PATH [options]

Tells a model's loss over a set, in nats per image.

${imagesUsage}
  --importance-samples N  also the importance-weighted bound of −log p(x), of N draws of z an image
  --seed N              of the noise (0)
  --json                as JSON: every part of the loss
${adapterUsage}
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, ElboError */
export async function command(args: string[]): Promise<number> {
  const values = [...IMAGE_OPTIONS, ADAPTER_OPTION, 'importance-samples', 'seed']
  const given = readArguments(args, { values, flags: ['json'], word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const [importanceSamples, seed] = [given.whole('importance-samples'), given.whole('seed', 0)]
  const opened = await openModel(modelPath(given))
  const { spec } = opened.saved.model
  const { name, set } = await imagesFor({ spec }, given)
  const loss = await withModel(opened, given, (vae) => vae.evaluate(set, { importanceSamples, seed }))
  if (given.has('json')) {
    console.log(JSON.stringify({ images: set.count, ...loss }, null, 2))
    return 0
  }
  console.log(`${withCommas(set.count)} of ${name}: ${lossLine(spec, loss)}`)
  if (loss.importanceWeighted !== undefined) {
    console.log(`importance-weighted bound of ${importanceSamples} draws: ${loss.importanceWeighted.toFixed(2)} nats per image`)
  }
  if (loss.accuracy !== undefined) console.log(`${(100 * loss.accuracy).toFixed(2)} % of the labels are found`)
  return 0
}
