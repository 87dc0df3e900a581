import { updateFactors } from '../../../src/ops/update.js'
import { streamKey, STREAMS } from '../../../src/random.js'
import type { StepValues } from '../../../src/schedule/step.js'
import { adam } from '../../../src/train/optimizers.js'

/** By then Adam's corrections for its zero start are 1. */
export const LATE_STEP = 1e9

/** The values of the one step that kernels are checked and timed in. */
export function stepValues(seed: number, batch: number): StepValues {
  return {
    batch,
    slot: 0,
    cursor: 0,
    row: 0,
    counter: 1,
    seed: streamKey(seed, STREAMS.NOISE),
    scale: 1 / batch,
    klWeight: 1,
    ...updateFactors(adam(), LATE_STEP),
    keep: 1,
  }
}
