type Values = ArrayLike<number>

// A Gaussian with full covariance L Lᵀ, one row: L's lower triangle row by row, L_jj = exp(½ · output).

/** Place of L_jk among the outputs. */
export function triangleIndex(j: number, k: number): number {
  return (j * (j + 1)) / 2 + k
}

/** L_jk, 0 above the diagonal. */
export function factorOf(output: Values, j: number, k: number): number {
  if (k > j) return 0
  const value = output[triangleIndex(j, k)]
  return k === j ? Math.exp(0.5 * value) : value
}

/** z = μ + L ε */
export function choleskyForward(mean: Values, output: Values, noise: Values): Float64Array {
  return Float64Array.from(mean, (mu, j) => {
    let z = mu
    for (let k = 0; k <= j; k++) z += factorOf(output, j, k) * noise[k]
    return z
  })
}

/** dμ = dz   dL_jk = dz_j ε_k, and by the output of the diagonal dL_jj · ½ L_jj */
export function choleskyBackward(dz: Values, output: Values, noise: Values) {
  const dOutput = new Float64Array(output.length)
  forEachPlace(dz.length, (j, k, t) => {
    dOutput[t] = dz[j] * noise[k] * (k === j ? 0.5 * factorOf(output, j, j) : 1)
  })
  return { dMean: Float64Array.from(dz), dOutput }
}

/** kl = ½(‖L‖² + ‖μ‖² − Z) − Σ_j ln L_jj */
export function choleskyKlForward(mean: Values, output: Values): number {
  let kl = 0
  for (let j = 0; j < mean.length; j++) kl += 0.5 * (mean[j] ** 2 - 1 - output[triangleIndex(j, j)])
  forEachPlace(mean.length, (j, k) => {
    kl += 0.5 * factorOf(output, j, k) ** 2
  })
  return kl
}

/** dμ = μ   dL_jk = L_jk, and by the output of the diagonal ½(L_jj² − 1) */
export function choleskyKlBackward(mean: Values, output: Values) {
  const dOutput = new Float64Array(output.length)
  forEachPlace(mean.length, (j, k, t) => {
    const factor = factorOf(output, j, k)
    dOutput[t] = k === j ? 0.5 * (factor ** 2 - 1) : factor
  })
  return { dMean: Float64Array.from(mean), dOutput }
}

/** log q(z|x) − log p(z) of a sample, Σ_j ½ (z² − ε²) − ln L_jj */
export function sampledCholeskyKl(z: Values, noise: Values, output: Values): number {
  let kl = 0
  for (let j = 0; j < z.length; j++) kl += 0.5 * (z[j] ** 2 - noise[j] ** 2 - output[triangleIndex(j, j)])
  return kl
}

function forEachPlace(Z: number, visit: (j: number, k: number, t: number) => void): void {
  for (let j = 0; j < Z; j++) for (let k = 0; k <= j; k++) visit(j, k, triangleIndex(j, k))
}
