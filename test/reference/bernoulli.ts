import { sigmoid } from './activation.js'

type Values = ArrayLike<number>

/** −log p(x|l) = Σ max(l,0) − l·x + log(1 + exp(−|l|)), over all that is given. */
export function bernoulliForward(logits: Values, x: Values): number {
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    const l = logits[i]
    sum += Math.max(l, 0) - l * x[i] + Math.log1p(Math.exp(-Math.abs(l)))
  }
  return sum
}

/** dl = sigmoid(l) − x */
export function bernoulliBackward(logits: Values, x: Values): Float64Array {
  return Float64Array.from(logits, (l, i) => sigmoid(l) - x[i])
}
