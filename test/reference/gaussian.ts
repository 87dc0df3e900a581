type Values = ArrayLike<number>

/** −log p(x|μ) = Σ ½ ((μ − x)² / v + log 2πv), over all that is given, with one variance v. */
export function gaussianForward(means: Values, x: Values, logVariance: number): number {
  let sum = 0
  for (let i = 0; i < means.length; i++) {
    sum += 0.5 * ((means[i] - x[i]) ** 2 / Math.exp(logVariance) + logVariance + Math.log(2 * Math.PI))
  }
  return sum
}

/** dμ = (μ − x) / v   dlogv = Σ ½ (1 − (μ − x)² / v) */
export function gaussianBackward(means: Values, x: Values, logVariance: number) {
  const variance = Math.exp(logVariance)
  const dMeans = Float64Array.from(means, (mean, i) => (mean - x[i]) / variance)
  const dLogVariance = dMeans.reduce((sum, value) => sum + 0.5 * (1 - value ** 2 * variance), 0)
  return { dMeans, dLogVariance }
}
