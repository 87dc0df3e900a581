import type { Labels } from '../../model/labels.js'
import { readArguments, UsageError } from '../arguments.mjs'
import { checkCodesPath, readCodes } from './codes-file.js'
import { partsOf } from './images.js'
import { modelPath, openModel } from './open-model.js'
import { ADAPTER_OPTION, adapterUsage, withModel } from './with-model.js'
import { imagesOut, OUT_OPTIONS, outUsage, writeImages } from './write-images.js'

export const usage = `elbo decode MODEL.safetensors --codes FILE.npy|FILE.csv --out PATH [options]

Draws the images that belong to latents: those of elbo encode, or any of the same shape.

  --codes FILE          what elbo encode writes
  --label L             of a conditional model: the class of all images (the labels of the CSV file)
${outUsage}
${adapterUsage}
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, ElboError */
export async function command(args: string[]): Promise<number> {
  const values = [...OUT_OPTIONS, ADAPTER_OPTION, 'codes', 'label']
  const given = readArguments(args, { values, word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const path = modelPath(given)
  const codesPath = checkCodesPath('codes', given.text('codes'))
  const label = given.whole('label', 0)
  const opened = await openModel(path)
  const { model } = opened.saved
  const { input, classes } = model.spec
  const out = imagesOut(given, input)
  const { shape: [width], data, labels: own } = await readCodes(codesPath, model)
  const count = data.length / width
  const labels = labelsFor({ classes, label, count, own })
  const images = new Float32Array(count * input[0] * input[1] * input[2])
  await withModel(opened, given, async (vae) => {
    for (const [first, end] of partsOf(count)) {
      const options = labels ? { labels: labels.slice(first, end) } : {}
      const decoded = await vae.decode(data.subarray(first * width, end * width), options)
      images.set(decoded.data, (first * images.length) / count)
    }
  })
  console.log(await writeImages(out, images, input))
  return 0
}

/** The label that is given for all, else those beside the codes, where the model takes any. @throws UsageError */
export function labelsFor(
  { classes, label, count, own }: { classes?: number; label?: number; count: number; own?: Uint8Array },
): Labels & { slice(first: number, end: number): Labels } | undefined {
  if (classes === undefined) {
    if (label !== undefined) throw new UsageError('--label: the model is not conditional; leave it out')
    return undefined
  }
  if (label !== undefined && label >= classes) {
    throw new UsageError(`--label: the model's classes are 0 to ${classes - 1}, got ${label}`)
  }
  const labels = label === undefined ? own : new Uint8Array(count).fill(label)
  if (!labels) throw new UsageError(`--label is missing: the model is conditional, its classes are 0 to ${classes - 1}`)
  return labels
}
