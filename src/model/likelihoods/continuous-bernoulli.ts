import { continuousBernoulliLoss, continuousBernoulliMean } from '../../ops/likelihood.js'
import { logitLikelihood } from './logits.js'

/** Logits, with the normalising constant that grey values need (Loaiza-Ganem & Cunningham 2019). */
export const continuousBernoulli = logitLikelihood(
  'continuous-bernoulli', true, continuousBernoulliLoss, continuousBernoulliMean,
)
