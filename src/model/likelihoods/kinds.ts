import { checkKeys, readName, readObject } from '../../checks.js'
import type { LikelihoodSpec } from '../spec.js'
import { bernoulli } from './bernoulli.js'
import { continuousBernoulli } from './continuous-bernoulli.js'
import { gaussian } from './gaussian.js'
import type { Likelihood, LikelihoodKind } from './likelihood.js'

/** Every kind of likelihood that a specification may name. */
const KINDS = [bernoulli, continuousBernoulli, gaussian] as readonly LikelihoodKind[]
const TYPES = KINDS.map(({ type }) => type)

/** Checks a likelihood's values. @throws SpecError */
export function readLikelihood(value: unknown): LikelihoodSpec {
  const fields = readObject(value, 'likelihood', 'a likelihood')
  const type = readName(fields.type, 'likelihood.type', 'likelihood', TYPES)
  const kind = kindOf(type)
  checkKeys(fields, 'likelihood', `a ${type} likelihood`, ['type', ...kind.keys])
  return kind.read(fields)
}

export function createLikelihood(spec: LikelihoodSpec): Likelihood {
  return kindOf(spec.type).create(spec)
}

function kindOf(type: LikelihoodSpec['type']): LikelihoodKind {
  return KINDS.find((kind) => kind.type === type)!
}
