import type { Loss } from '../../index.js'

/** What a few steps came to. */
export interface Learned {
  /** The last of them, from 1. */
  step: number
  /** Steps that `loss` is the mean of. */
  steps: number
  loss: Loss
  /** Of the test images, after the last step. */
  validation?: Loss
  /** How many codes are in use, of a vector-quantised model. */
  perplexity?: number
  codesUsed?: number
}

export interface Sample {
  step: number
  steps: number
  total: number
  reconstruction: number
  /** What its code costs: the KL, or the quantisation. */
  code: number
  perplexity?: number
  codesUsed?: number
}

const capacity = 2_000
const keptPoints = 800
const shownPoints = 160

/**
 * The loss so far, as samples that are about evenly spread over a square-root axis of steps: as they grow many,
 * neighbours are merged into means over all their steps.
 */
export class History {
  private samples: Sample[] = []
  private validation: Sample[] = []

  /** Few enough samples to look calm. */
  get training(): Sample[] {
    return thinned(this.samples, shownPoints)
  }

  /** The test images' loss at the ends of epochs. */
  get testing(): Sample[] {
    return thinned(this.validation, shownPoints)
  }

  add({ step, steps, loss, validation, perplexity, codesUsed }: Learned): void {
    this.samples.push({ step, steps, ...bound(loss), perplexity, codesUsed })
    if (validation) this.validation.push({ step, steps: 1, ...bound(validation) })
    if (this.samples.length > capacity) this.samples = thinned(this.samples, keptPoints)
    if (this.validation.length > capacity) this.validation = thinned(this.validation, keptPoints)
  }

  clear(): void {
    this.samples = []
    this.validation = []
  }
}

/** The parts of a loss; of a bound, whatever the KL weight was and without what a classifier adds. */
export function bound({ reconstruction, kl, quantization = 0, label = 0 }: Loss) {
  return { total: reconstruction + kl + quantization + label, reconstruction, code: kl + quantization }
}

function thinned(samples: Sample[], points: number): Sample[] {
  const width = Math.sqrt(samples.at(-1)?.step ?? 0) / points
  const kept: Sample[] = []
  let start = 0
  for (const sample of samples) {
    const previous = kept.at(-1)
    if (previous && Math.sqrt(sample.step) - start < width) kept[kept.length - 1] = merged(previous, sample)
    else {
      start = Math.sqrt(sample.step)
      kept.push(sample)
    }
  }
  return kept
}

function merged(a: Sample, b: Sample): Sample {
  const steps = a.steps + b.steps
  const mean = (part: 'total' | 'reconstruction' | 'code') => (a.steps * a[part] + b.steps * b[part]) / steps
  return { ...b, steps, total: mean('total'), reconstruction: mean('reconstruction'), code: mean('code') }
}
