import { pixelValues, type Dataset } from '../data/dataset.js'
import { encode } from '../model/inference.js'
import type { ModelRuntime } from '../model/runtime.js'

const IMAGES_AT_ONCE = 512

/**
 * The codes of a set's images, as a set of maps of one channel: whole numbers as floats, with the images' labels.
 * @throws the signal's reason
 */
export async function setCodes(runtime: ModelRuntime, data: Dataset, signal?: AbortSignal): Promise<Dataset> {
  let codes = new Float32Array()
  let shape: Dataset['shape'] = [1, 1, 1]
  for (let first = 0; first < data.count; first += IMAGES_AT_ONCE) {
    signal?.throwIfAborted()
    const end = Math.min(first + IMAGES_AT_ONCE, data.count)
    const { codes: maps } = await encode(runtime, pixelValues(data, first, end), {})
    const [, h, w] = maps!.shape
    if (first === 0) {
      codes = new Float32Array(data.count * h * w)
      shape = [h, w, 1]
    }
    codes.set(maps!.data, first * h * w)
  }
  return { shape, count: data.count, images: codes, ...(data.labels && { labels: data.labels }) }
}

/**
 * The entropy of how often a set of maps has each of so many codes, in bits: what a code costs at least under a prior
 * that draws every code alone.
 */
export function entropyOfCodes({ images }: Dataset, codes: number): number {
  const counts = new Float64Array(codes)
  for (const code of images) counts[code]++
  return counts.reduce((bits, times) => {
    const share = times / images.length
    return share > 0 ? bits - share * Math.log2(share) : bits
  }, 0)
}
