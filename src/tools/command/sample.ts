import { readArguments } from '../arguments.mjs'
import { labelsFor } from './decode.js'
import { modelPath, openModel } from './open-model.js'
import { ADAPTER_OPTION, adapterUsage, withModel } from './with-model.js'
import { imagesOut, OUT_OPTIONS, outUsage, writeImages } from './write-images.js'

export const usage = `elbo sample MODEL.safetensors [options]

Draws images from a model's prior.

  --count N             images (64)
  --label L             of a conditional model: the class of all images (each class in turn)
  --seed N              of the draws (the model's)
  --temperature X       of a vector-quantised model with a trained prior: below 1 likely codes become likelier (1)
${outUsage} (samples.png)
${adapterUsage}
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, ElboError */
export async function command(args: string[]): Promise<number> {
  const values = [...OUT_OPTIONS, ADAPTER_OPTION, 'count', 'label', 'seed', 'temperature']
  const given = readArguments(args, { values, word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const [count = 64, seed, label] = [given.whole('count'), given.whole('seed', 0), given.whole('label', 0)]
  const temperature = given.number('temperature')
  const opened = await openModel(modelPath(given))
  const { model, prior } = opened.saved
  const { input } = model.spec
  const out = imagesOut(given, input, 'samples.png')
  const classes = model.spec.classes ?? prior?.network.classes
  const own = classes ? Uint8Array.from({ length: count }, (_, n) => n % classes) : undefined
  const labels = labelsFor({ classes, label, count, own })
  const { data } = await withModel(opened, given, (vae) => vae.sample(count, { labels, seed, temperature }))
  console.log(await writeImages(out, data, input))
  return 0
}
