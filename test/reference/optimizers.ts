// One update of a parameter p by its gradient g, in place, as PyTorch does it. State starts at zero.

type Values = ArrayLike<number>

export interface AdamOptions {
  learningRate: number
  beta1: number
  beta2: number
  epsilon: number
}

export interface RmspropOptions {
  learningRate: number
  rho: number
  epsilon: number
  momentum: number
}

export interface SgdOptions {
  learningRate: number
  momentum: number
}

/**
 * m ← β₁ m + (1 − β₁) g   v ← β₂ v + (1 − β₂) g²   p ← p − lr · m̂ / (√v̂ + ε)
 *
 * m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ); t counts from 1
 */
export function adamUpdate(
  { p, m, v }: { p: Float64Array; m: Float64Array; v: Float64Array },
  g: Values,
  t: number,
  { learningRate, beta1, beta2, epsilon }: AdamOptions,
): void {
  for (let i = 0; i < p.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * g[i]
    v[i] = beta2 * v[i] + (1 - beta2) * g[i] ** 2
    const unbiasedM = m[i] / (1 - beta1 ** t)
    const unbiasedV = v[i] / (1 - beta2 ** t)
    p[i] -= (learningRate * unbiasedM) / (Math.sqrt(unbiasedV) + epsilon)
  }
}

/** v ← ρ v + (1 − ρ) g²   m ← μ m + g / (√v + ε)   p ← p − lr · m */
export function rmspropUpdate(
  { p, m, v }: { p: Float64Array; m: Float64Array; v: Float64Array },
  g: Values,
  { learningRate, rho, epsilon, momentum }: RmspropOptions,
): void {
  for (let i = 0; i < p.length; i++) {
    v[i] = rho * v[i] + (1 - rho) * g[i] ** 2
    m[i] = momentum * m[i] + g[i] / (Math.sqrt(v[i]) + epsilon)
    p[i] -= learningRate * m[i]
  }
}

/** m ← μ m + g   p ← p − lr · m */
export function sgdUpdate(
  { p, m }: { p: Float64Array; m: Float64Array },
  g: Values,
  { learningRate, momentum }: SgdOptions,
): void {
  for (let i = 0; i < p.length; i++) {
    m[i] = momentum * m[i] + g[i]
    p[i] -= learningRate * m[i]
  }
}
