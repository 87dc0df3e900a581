type Values = ArrayLike<number>

/** |z − e_k|² of the vector of size D that begins at `first`. */
export function squaredDistance(z: Values, first: number, codebook: Values, k: number, D: number): number {
  let sum = 0
  for (let d = 0; d < D; d++) sum += (z[first + d] - codebook[k * D + d]) ** 2
  return sum
}

/** For every vector of z (T, D) the nearest row of the codebook (K, D), the first among equals. */
export function nearestCodes(z: Values, codebook: Values, D: number): Uint32Array {
  const K = codebook.length / D
  return Uint32Array.from({ length: z.length / D }, (_, t) => {
    let best = 0
    for (let k = 1; k < K; k++) {
      if (squaredDistance(z, t * D, codebook, k, D) < squaredDistance(z, t * D, codebook, best, D)) best = k
    }
    return best
  })
}

/** The rows of the codebook that the codes name, (T, D). */
export function gatherCodes(codes: Values, codebook: Values, D: number): Float64Array {
  return Float64Array.from({ length: codes.length * D }, (_, i) => codebook[codes[Math.floor(i / D)] * D + (i % D)])
}

/** How many vectors chose each code, and their sum (K, D). */
export function sumsByCode(z: Values, codes: Values, K: number, D: number) {
  const counts = new Float64Array(K)
  const sums = new Float64Array(K * D)
  for (let t = 0; t < codes.length; t++) {
    counts[codes[t]]++
    for (let d = 0; d < D; d++) sums[codes[t] * D + d] += z[t * D + d]
  }
  return { counts, sums }
}

/** (1 + commitment) Σ |z − e|² of the code book's and the commitment's term, over all that is given. */
export function quantizationForward(z: Values, e: Values, commitment: number): number {
  return Array.from(z).reduce((sum, value, i) => sum + (1 + commitment) * (value - e[i]) ** 2, 0)
}

/** dz = 2 · commitment · (z − e), without what passes straight through from e. */
export function commitmentBackward(z: Values, e: Values, commitment: number): Float64Array {
  return Float64Array.from(z, (value, i) => 2 * commitment * (value - e[i]))
}

/** de_k = 2 (count_k e_k − Σ z) over the vectors that chose code k. */
export function codebookBackward(codebook: Values, { counts, sums }: ReturnType<typeof sumsByCode>): Float64Array {
  const D = sums.length / counts.length
  return sums.map((sum, i) => 2 * (counts[Math.floor(i / D)] * codebook[i] - sum))
}

const DECAY = 0.99
const EPSILON = 1e-5

/** Counts and sums of a codebook of moving averages, moved by those of a batch; its codes, where none is dead. */
export function averageForward(
  before: { counts: Values; sums: Values },
  { counts, sums }: { counts: Values; sums: Values },
) {
  const moved = (old: Values, now: Values) => Float64Array.from(old, (value, i) => DECAY * value + (1 - DECAY) * now[i])
  const [count, mean] = [moved(before.counts, counts), moved(before.sums, sums)]
  const all = count.reduce((sum, value) => sum + value, 0)
  const [K, D] = [count.length, mean.length / count.length]
  const smoothed = count.map((value) => ((value + EPSILON) / (all + K * EPSILON)) * all)
  return { count, mean, all, codebook: mean.map((value, i) => value / smoothed[Math.floor(i / D)]) }
}
