import type { Dataset, VaeSpec } from '../../index.js'
import { UNLABELED } from '../../labels.js'

/**
 * The labels of a set with all but the first `count` hidden, of each class as many as of any other where there are so
 * many: at first one of each, then another one of each.
 */
export function fewLabels(labels: Uint8Array, count: number): Uint8Array {
  const seen = new Map<number, number>()
  const turns = Array.from(labels, (label, image) => {
    const turn = seen.get(label) ?? 0
    seen.set(label, turn + 1)
    return { image, label, turn }
  })
  turns.sort((a, b) => a.turn - b.turn || a.label - b.label)
  const few = new Uint8Array(labels.length).fill(UNLABELED)
  for (const { image, label } of turns.slice(0, count)) few[image] = label
  return few
}

/** The images of known label alone. */
export function labeledOnly<Pixels extends Uint8Array | Float32Array>(set: Dataset<Pixels>): Dataset<Pixels> {
  return chosen(set, (label) => label !== UNLABELED)
}

/** The images whose label is such. */
export function chosen<Pixels extends Uint8Array | Float32Array>(
  { shape, images, labels }: Pick<Dataset<Pixels>, 'shape' | 'images' | 'labels'>,
  keeps: (label: number) => boolean,
): Dataset<Pixels> {
  const size = shape[0] * shape[1] * shape[2]
  const kept = Array.from(labels!.keys()).filter((image) => keeps(labels![image]))
  const Values = images.constructor as new (length: number) => Pixels
  const values = new Values(kept.length * size)
  kept.forEach((image, i) => values.set(images.subarray(image * size, (image + 1) * size), i * size))
  return { shape, count: kept.length, images: values, labels: Uint8Array.from(kept, (image) => labels![image]) }
}

/**
 * The specification with as little as can be beside its classifier. Where all labels are known, the gradient of the
 * classifier is that of −ln q(label) alone, so that training it trains the classifier alone.
 */
export function classifierAlone(spec: VaeSpec): VaeSpec {
  const [h, w, c] = spec.input
  return {
    ...spec,
    encoder: [{ type: 'dense', units: 1 }],
    latent: { type: 'gaussian', size: 1 },
    decoder: [{ type: 'dense', units: h * w * c }],
  }
}

/** The share of rows whose largest probability is their label's. */
export function accuracyOf(probabilities: Float32Array, labels: Uint8Array): number {
  const classes = probabilities.length / labels.length
  const right = labels.reduce((sum, label, n) => {
    const row = probabilities.subarray(n * classes, (n + 1) * classes)
    return sum + Number(row.every((share) => share <= row[label]))
  }, 0)
  return right / labels.length
}
