import { readArguments, UsageError } from '../arguments.mjs'
import { withCommas } from '../train/progress.js'
import { checkCodesPath, writeCodes } from './codes-file.js'
import { IMAGE_OPTIONS, imagesFor, imagesUsage, inParts, joined } from './images.js'
import { modelPath, openModel } from './open-model.js'
import { ADAPTER_OPTION, adapterUsage, withModel } from './with-model.js'

export const usage = `elbo encode MODEL.safetensors --data NAME|PATH --out FILE.npy|FILE.csv [options]

Writes what the encoder makes of images: the mean of the posterior, the codes of a vector-quantised model.

${imagesUsage}
  --out FILE            z.npy: an array [count, latent] of 32-bit floats, of codes [count, height, width] of whole
                        numbers; z.csv: a line an image, after its label where it has one
  --log-variance FILE   of a Gaussian latent also the posterior's log-variance, likewise
${adapterUsage}
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, ElboError */
export async function command(args: string[]): Promise<number> {
  const values = [...IMAGE_OPTIONS, ADAPTER_OPTION, 'out', 'log-variance']
  const given = readArguments(args, { values, word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const path = modelPath(given)
  const out = checkCodesPath('out', given.text('out'))
  const spread = given.has('log-variance') ? checkCodesPath('log-variance', given.text('log-variance')) : undefined
  const opened = await openModel(path)
  const { spec } = opened.saved.model
  const { set } = await imagesFor({ spec }, given)
  const parts = await withModel(opened, given, (vae) => {
    return inParts(spec, set, (images, options) => vae.encode(images, options))
  })
  await write(out, parts.map(({ mean, codes }) => codes ?? mean), set.labels)
  if (spread) await write(spread, parts.map(({ logVariance }) => logVariance), set.labels)
  return 0
}

/** Writes what some hundred images have each. @throws UsageError where the model has no such thing */
async function write(
  path: string,
  parts: ({ shape: number[]; data: Float32Array | Uint32Array } | undefined)[],
  labels: Uint8Array | undefined,
): Promise<void> {
  const whole = parts.filter((part) => part !== undefined)
  if (whole.length === 0) throw new UsageError('--log-variance: the latent of this model has none; leave it out')
  const [{ shape: [, ...shape] }] = whole
  await writeCodes(path, { shape, data: joined(whole.map(({ data }) => data)), ...(labels && { labels }) })
  const count = whole.reduce((sum, { shape: [rows] }) => sum + rows, 0)
  console.log(`${path}: ${withCommas(count)} rows of ${shape.join(' × ')}`)
}
