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
