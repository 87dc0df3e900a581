import { checkSpec } from '../../src/model/check.js'
import { VaeModel } from '../../src/model/vae.js'

/** Checks a specification of a model of nothing but encoder, latent and decoder. */
export function checkVae(spec: unknown): VaeModel {
  const model = checkSpec(spec)
  if (model instanceof VaeModel) return model
  throw new Error('the specification is of a model of more parts')
}
