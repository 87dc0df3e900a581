import { SpecError } from '../../errors.js'
import { readWhole } from '../fields.js'
import type { LstmSpec } from '../spec.js'
import type { LayerKind } from './layer.js'

/** Encoder or decoder of a recurrent model, which unrolls it (`recurrent/lstm.ts`); among other layers it has no place. */
export const lstm: LayerKind<LstmSpec> = {
  type: 'lstm',
  keys: ['units'],
  read: ({ units }, path) => ({ type: 'lstm', units: readWhole(units, `${path}.units`, 1) }),
  resolve(_, __, { path }) {
    const way = 'give the specification `recurrent`, or take a dense layer'
    throw new SpecError(`${path}.type`, `an lstm needs a recurrent model, this one has no steps; ${way}`)
  },
}
