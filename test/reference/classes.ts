type Values = ArrayLike<number>

/** What an image's losses come to, and their gradients by the logits of q. */
export interface ClassLosses {
  /** reconstruction, KL, label, classification, correct, known */
  parts: number[]
  /** Of every class. */
  weights: number[]
  dLogits: number[]
}

/** softmax */
export function probabilities(logits: Values): number[] {
  const largest = Math.max(...Array.from(logits))
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}

/**
 * The loss of one image from those of its classes (Kingma et al. 2014, M2); a label of as many as there are classes, or
 * more, is unknown.
 */
export function classLosses(
  logits: Values,
  label: number,
  reconstructions: Values,
  kls: Values,
  { klWeight, classifierWeight }: { klWeight: number; classifierWeight: number },
): ClassLosses {
  const q = probabilities(logits)
  const isKnown = label < q.length
  const weights = q.map((share, k) => (isKnown ? Number(k === label) : share))
  const sum = (term: (k: number) => number) => q.reduce((total, _, k) => total + term(k), 0)
  const negativeEntropy = sum((k) => q[k] * Math.log(q[k]))
  const cost = (k: number) => reconstructions[k] + klWeight * kls[k] + Math.log(q[k])
  const mean = sum((k) => q[k] * cost(k))
  return {
    parts: [
      sum((k) => weights[k] * reconstructions[k]),
      sum((k) => weights[k] * kls[k]),
      Math.log(q.length) + (isKnown ? 0 : negativeEntropy),
      isKnown ? -Math.log(q[label]) : 0,
      Number(isKnown && q.indexOf(Math.max(...q)) === label),
      Number(isKnown),
    ],
    weights,
    dLogits: q.map((share, k) => (isKnown ? classifierWeight * (share - weights[k]) : share * (cost(k) - mean))),
  }
}
