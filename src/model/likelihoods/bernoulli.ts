import { bceLoss, sigmoidForward } from '../../ops/likelihood.js'
import { logitLikelihood } from './logits.js'

/** Logits l: −log p = max(l, 0) − l·x + log(1 + exp(−|l|)). */
export const bernoulli = logitLikelihood('bernoulli', false, bceLoss, sigmoidForward)
