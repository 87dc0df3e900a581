import { sigmoid } from './activation.js'
import { continuousBernoulliMean } from './continuous-bernoulli.js'

// A VAE with a discriminator (Larsen et al. 2016): losses of one image, and where the gradients of its objectives part.

type Values = ArrayLike<number>

/** ½ Σ (made − real)² */
export function similarityForward(made: Values, real: Values): number {
  return 0.5 * Array.from(made).reduce((sum, value, i) => sum + (value - real[i]) ** 2, 0)
}

/** dmade = made − real */
export function similarityBackward(made: Values, real: Values): Float64Array {
  return Float64Array.from(made, (value, i) => value - real[i])
}

/** softplus(−D(x)) + softplus(D(x̃)) + softplus(D(x_p)), from the logits of x, x̃ and x_p. */
export function adversarialForward([real, reconstructed, sampled]: Values & Iterable<number>): number {
  return softplus(-real) + softplus(reconstructed) + softplus(sampled)
}

/** By the logits of x, x̃ and x_p. */
export function adversarialBackward([real, reconstructed, sampled]: Values & Iterable<number>): Float64Array {
  return Float64Array.of(-sigmoid(-real), sigmoid(reconstructed), sigmoid(sampled))
}

/** The pixel that an output stands for. */
export const PIXEL_MEANS = {
  output: (l: number) => l,
  sigmoid,
  'continuous-bernoulli': continuousBernoulliMean,
}

/** By the output. */
export const PIXEL_MEAN_DERIVATIVES = {
  output: () => 1,
  sigmoid: (l: number) => sigmoid(l) * (1 - sigmoid(l)),
  // 1 / l² − 1 / (4 sinh²(l / 2)), near 0 the series, which cancellation cannot touch
  'continuous-bernoulli': (l: number) => {
    if (Math.abs(l) < 1e-2) return 1 / 12 - l ** 2 / 240 + l ** 4 / 6048
    return 1 / l ** 2 - 1 / (4 * Math.sinh(l / 2) ** 2)
  },
}

/** Which of both skips an update, from the logits of the data and of all that is decoded. */
export function waiting(
  real: Values,
  decoded: Values,
  { equilibrium, margin }: { equilibrium: number; margin: number },
): { decoder: boolean; discriminator: boolean } {
  const mean = (values: Values, sign: number) => {
    return Array.from(values).reduce((sum, value) => sum + softplus(sign * value), 0) / values.length
  }
  const costs = [mean(real, -1), mean(decoded, 1)]
  const decoder = Math.max(...costs) > equilibrium + margin
  const discriminator = Math.min(...costs) < equilibrium - margin
  return decoder && discriminator ? { decoder: false, discriminator: false } : { decoder, discriminator }
}

export function softplus(v: number): number {
  return Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))
}
