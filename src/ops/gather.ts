import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

/** What happens to images on their way out of the data set, anew every time they are used. */
export interface Augmentation {
  /** `'sample'`: every pixel is 1 with the probability of its grey value, else 0; `'threshold'`: 1 from ½ on. */
  binarize?: 'sample' | 'threshold'
  /** Mirrors every image left to right with probability ½. */
  flip?: boolean
}

const BINARIZE = { off: 0, sample: 1, threshold: 2 }

/** Rows of x, images of H × W pixels and C channels, and which of them a buffer of the set holds. */
interface GatherShape {
  B: number
  H: number
  W: number
  C: number
  /** The buffer's first image. */
  first: number
  /** Images in it. */
  count: number
  /** Whether its values are floats, an image padded to whole vectors; otherwise bytes, padded to whole words. */
  floats?: boolean
}

/** x = images[order[cursor + n]], bytes divided by 255, from one buffer of the set. */
export function batchGather(
  t: { images: PlanTensor; order: PlanTensor; x: PlanTensor },
  { B, H, W, C, first, count, floats = false }: GatherShape,
  { binarize, flip = false }: Augmentation = {},
): Dispatch {
  const N = H * W * C
  const augmentation = { FLOATS: Number(floats), FLIP: Number(flip), BINARIZE: BINARIZE[binarize ?? 'off'] }
  return {
    kernel: 'batch_gather',
    constants: { B, N, W, C, FIRST: first, COUNT: count, ...augmentation },
    bindings: { images: t.images, order: t.order, x: t.x },
    grid: [padTo4(N) / 4, B, 1],
    shape: `B${B} N${N}${floats ? ' floats' : ''}`,
    flops: 0,
  }
}
