type Values = ArrayLike<number>

/** −log p(x|l) = Σ A(l) − l·x, over all that is given. dl = A'(l) − x */
export function continuousBernoulliForward(logits: Values, x: Values): number {
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += logNormalizer(logits[i]) - logits[i] * x[i]
  return sum
}

/**
 * A(l) = log((exp(l) − 1) / l), the log-normaliser of the continuous Bernoulli distribution with logit l; near 0 the
 * series, which cancellation cannot touch.
 */
export function logNormalizer(l: number): number {
  if (Math.abs(l) < 1e-3) return l / 2 + l ** 2 / 24 - l ** 4 / 2880
  return Math.max(l, 0) + Math.log(-Math.expm1(-Math.abs(l)) / Math.abs(l))
}

/** A'(l), its mean */
export function continuousBernoulliMean(l: number): number {
  if (Math.abs(l) < 1e-3) return 0.5 + l / 12 - l ** 3 / 720
  return -1 / Math.expm1(-l) - 1 / l
}
