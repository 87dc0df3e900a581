import { pixelValues } from '../../data/dataset.js'
import { readArguments } from '../arguments.mjs'
import { IMAGE_OPTIONS, imagesFor, imagesUsage, inParts, joined } from './images.js'
import { modelPath, openModel } from './open-model.js'
import { ADAPTER_OPTION, adapterUsage, withModel } from './with-model.js'
import { imagesOut, OUT_OPTIONS, outUsage, writeImages } from './write-images.js'

export const usage = `elbo reconstruct MODEL.safetensors --data NAME|PATH --out PATH [options]

Decodes images from their own codes. A sheet shows every row of images above what became of it.

${imagesUsage}
${outUsage}
${adapterUsage}
`

/** The whole command; resolves to its exit code. @throws UsageError, CommandError, ElboError */
export async function command(args: string[]): Promise<number> {
  const given = readArguments(args, { values: [...IMAGE_OPTIONS, ...OUT_OPTIONS, ADAPTER_OPTION], word: 'model' })
  if (given.has('help')) {
    console.log(usage)
    return 0
  }
  const opened = await openModel(modelPath(given))
  const { spec } = opened.saved.model
  const out = imagesOut(given, spec.input)
  const { set } = await imagesFor({ spec }, given)
  const parts = await withModel(opened, given, (vae) => {
    return inParts(spec, set, (images, options) => vae.reconstruct(images, options))
  })
  const images = joined(parts.map(({ data }) => data))
  console.log(await writeImages(out, images, spec.input, pixelValues(set)))
  return 0
}
