import { pixelValues } from '../../data/dataset.js'
import { dataset, type Dataset, type LayerSpec, type Vae, type VaeSpec } from '../../index.js'

// A model on another model's codes (M1 + M2, Kingma et al. 2014): the posterior means of one are the data of the next.

/** Images that are encoded at a time. */
const AT_ONCE = 512

/** The codes of a set's images, [1, size, 1] each, with their labels. */
export async function codesOf(model: Vae, images: Dataset): Promise<Dataset<Float32Array>> {
  const { size } = model.spec.latent
  const values = new Float32Array(images.count * size)
  for (let first = 0; first < images.count; first += AT_ONCE) {
    const end = Math.min(first + AT_ONCE, images.count)
    values.set((await model.encode(pixelValues(images, first, end))).mean.data, first * size)
  }
  return dataset({ values, shape: [1, size, 1], labels: images.labels })
}

/** The specification for codes of that size in place of images; their variance is learned. */
export function specOnCodes(spec: VaeSpec, size: number): VaeSpec {
  const last = spec.decoder.at(-1)
  const decoder: LayerSpec[] = [...spec.decoder.slice(0, -1), { ...(last as LayerSpec & { type: 'dense' }), units: size }]
  return { ...spec, input: [1, size, 1], decoder, likelihood: { type: 'gaussian', variance: 'learned' } }
}
