import { SpecError } from '../../errors.js'
import { importanceLoss } from '../../ops/importance.js'
import { MOST_STEPS } from '../../schedule/step.js'
import { readWhole } from '../fields.js'
import type { ObjectiveKind } from './objective.js'

/** Rows of samples that even the smallest slice of a batch must not exceed. */
const MOST_SAMPLES = 4096

/** −log (1/k) Σ_s w_s of every image (Burda, Grosse & Salakhutdinov 2016). */
export const importanceWeighted: ObjectiveKind = {
  option: 'importanceSamples',
  neutral: 1,
  read(value, latent, who) {
    const path = `${who}.importanceSamples`
    const samples = readWhole(value, path, 1)
    if (samples > MOST_SAMPLES) throw new SpecError(path, `needs at most ${MOST_SAMPLES}, got ${samples}`)
    if (samples === 1) return undefined
    if (!latent.isRandom) throw new SpecError(path, `a ${latent.type} latent has no posterior to draw from`)
    if (latent.steps) {
      const way = 'take 1; evaluate has importanceSamples for the bound of a trained one'
      throw new SpecError(path, `a recurrent model trains on one draw an image; ${way}`)
    }
    return samples
  },
  plan(_, { B, rows, samples, N }, { builder }) {
    const weights = builder.activation('weights', rows)
    const rowLosses = builder.activation('row_losses', 2 * MOST_STEPS * rows)
    return {
      weights,
      rowLosses,
      finish: ({ losses, dy }) => builder.push(importanceLoss({ rowLosses, losses, weights, dy }, { B, N, samples })),
    }
  },
}
