import { kindOf, readKind } from '../kinds.js'
import type { LikelihoodSpec } from '../spec.js'
import { bernoulli } from './bernoulli.js'
import { continuousBernoulli } from './continuous-bernoulli.js'
import { gaussian } from './gaussian.js'
import type { Likelihood, LikelihoodKind } from './likelihood.js'

/** Every kind of likelihood that a specification may name. */
const KINDS = [bernoulli, continuousBernoulli, gaussian] as readonly LikelihoodKind[]

/** Checks a likelihood's values. @throws SpecError */
export function readLikelihood(value: unknown): LikelihoodSpec {
  const { kind, fields } = readKind(KINDS, value, 'likelihood', 'likelihood', 'likelihood')
  return kind.read(fields)
}

export function createLikelihood(spec: LikelihoodSpec): Likelihood {
  return kindOf(KINDS, spec.type).create(spec)
}
