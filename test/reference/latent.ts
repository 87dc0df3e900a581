type Values = ArrayLike<number>

/** z = μ + exp(½ logvar) · ε */
export function reparameterizeForward(mean: Values, logVariance: Values, noise: Values): Float64Array {
  return Float64Array.from(mean, (mu, i) => mu + Math.exp(0.5 * logVariance[i]) * noise[i])
}

/** dμ = dz   dlogvar = dz · ½ exp(½ logvar) · ε */
export function reparameterizeBackward(dz: Values, logVariance: Values, noise: Values) {
  const dMean = Float64Array.from(dz)
  const dLogVariance = Float64Array.from(dz, (d, i) => d * 0.5 * Math.exp(0.5 * logVariance[i]) * noise[i])
  return { dMean, dLogVariance }
}

/** kl = Σ ½(σ² + μ² − 1 − log σ²), over all that is given. */
export function klForward(mean: Values, logVariance: Values): number {
  let kl = 0
  for (let i = 0; i < mean.length; i++) kl += 0.5 * (Math.exp(logVariance[i]) + mean[i] ** 2 - 1 - logVariance[i])
  return kl
}

/** dμ = μ   dlogvar = ½(σ² − 1) */
export function klBackward(mean: Values, logVariance: Values) {
  const dMean = Float64Array.from(mean)
  const dLogVariance = Float64Array.from(logVariance, (logvar) => 0.5 * (Math.exp(logvar) - 1))
  return { dMean, dLogVariance }
}
