import { readWeight } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { padTo4 } from '../../ops/dispatch.js'
import { freeBitsLoss } from '../../ops/latent.js'
import { MOST_STEPS } from '../../schedule/step.js'
import type { ObjectiveKind } from './objective.js'

/** The KL term as klWeight · Σ_j max(λ, mean over the batch of KL_j) (Kingma et al. 2016). */
export const freeBits: ObjectiveKind = {
  option: 'freeBits',
  neutral: 0,
  read(value, latent, who) {
    const path = `${who}.freeBits`
    const nats = readWeight(value, path)
    if (nats === 0) return undefined
    if (!latent.isRandom) throw new SpecError(path, `a ${latent.type} latent has no KL term`)
    if (!latent.hasKlByDimension) throw new SpecError(path, "this latent's KL term is no sum over dimensions")
    return nats
  },
  plan(nats, { B, rows, Z }, { builder }) {
    const kept = builder.activation('kept', padTo4(Z))
    const rowLosses = builder.activation('row_losses', 2 * MOST_STEPS * rows)
    return {
      kept,
      rowLosses,
      finish({ losses, head }) {
        builder.push(freeBitsLoss({ head: head!.tensor, rowLosses, losses, kept }, { B, Z }, nats))
      },
    }
  },
}
