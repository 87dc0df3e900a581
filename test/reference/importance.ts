type Values = ArrayLike<number>

/**
 * −log (1/S) Σ_s w_s of every image, summed, from −log w of every sample (B, S): the importance-weighted bound.
 * Its derivative by −log w_s is w_s / Σ w.
 */
export function importanceForward(negativeLogWeights: Values, S: number): number {
  return sum(images(negativeLogWeights, S).map(({ least, scaled }) => least - Math.log(sum(scaled) / S)))
}

/** w_s / Σ w of every sample (B, S). */
export function importanceBackward(negativeLogWeights: Values, S: number): Float64Array {
  return Float64Array.from(images(negativeLogWeights, S).flatMap(({ scaled }) => {
    const total = sum(scaled)
    return scaled.map((w) => w / total)
  }))
}

/** log q(z|x) − log p(z) of a sample, Σ_j ½ (z² − ε² − logvar). dz = z   dlogvar = −½ */
export function sampledKl(z: Values, noise: Values, logVariance: Values): number {
  let kl = 0
  for (let j = 0; j < z.length; j++) kl += 0.5 * (z[j] ** 2 - noise[j] ** 2 - logVariance[j])
  return kl
}

/** Free bits: Σ_j max(λ, kl_j), of each dimension's KL averaged over the batch. By kl_j its derivative is 1 above λ. */
export function freeBitsForward(kl: Values, lambda: number): number {
  return sum(Array.from(kl, (value) => Math.max(lambda, value)))
}

/** The least −log w of every image, and the weights times its exponential: the largest is 1. */
function images(negativeLogWeights: Values, S: number): { least: number; scaled: number[] }[] {
  return Array.from({ length: negativeLogWeights.length / S }, (_, n) => {
    const values = Array.from({ length: S }, (_, s) => negativeLogWeights[n * S + s])
    const least = Math.min(...values)
    return { least, scaled: values.map((value) => Math.exp(least - value)) }
  })
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
