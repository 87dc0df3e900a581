// A prior over maps of codes: gates, the loss of codes under logits, a draw. In float64, as the formulas read.

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v))

/** tanh(a) · sigmoid(b) */
export function gate(a: number, b: number): number {
  return Math.tanh(a) * sigmoid(b)
}

/** The derivatives of a gate by its two arguments. */
export function gateDerivatives(a: number, b: number): { da: number; db: number } {
  const [t, s] = [Math.tanh(a), sigmoid(b)]
  return { da: s * (1 - t * t), db: t * s * (1 - s) }
}

/** −Σ_p ln softmax(logits[p])[codes[p]] of `[P, K]` logits, and its gradient by them. */
export function codeLoss(logits: ArrayLike<number>, codes: ArrayLike<number>, K: number) {
  let loss = 0
  const gradient = new Float64Array(codes.length * K)
  for (let p = 0; p < codes.length; p++) {
    const own = Array.from({ length: K }, (_, k) => logits[p * K + k])
    const largest = Math.max(...own)
    const total = own.reduce((sum, value) => sum + Math.exp(value - largest), 0)
    loss += largest + Math.log(total) - own[codes[p]]
    own.forEach((value, k) => (gradient[p * K + k] = Math.exp(value - largest) / total - Number(k === codes[p])))
  }
  return { loss, gradient }
}

/** The first code whose share, with those before it, is above u; shares are of exp(scale · logit). */
export function sampledCode(logits: ArrayLike<number>, scale: number, u: number): number {
  const values = Array.from(logits, (value) => Math.exp(scale * value))
  const drawn = u * values.reduce((sum, value) => sum + value, 0)
  let sum = 0
  const code = values.findIndex((value) => (sum += value) > drawn)
  return code < 0 ? values.length - 1 : code
}
