// Batch normalisation in float64, of rows × pixels × channels, channels fastest; every row takes part.

type Values = ArrayLike<number>

const EPSILON = 1e-5

/** Mean and variance of every channel. */
export interface Statistics {
  mean: Float64Array
  /** Divided by the count: what a batch is normalised by. */
  biased: Float64Array
  /** Divided by the count − 1: what the running variance is moved by. Of a single value 0. */
  unbiased: Float64Array
}

/** mean = Σ x / count, variance = Σ (x − mean)² / count or / (count − 1), over the values of a channel. */
export function batchStatistics(x: Values, C: number): Statistics {
  const count = x.length / C
  const mean = new Float64Array(C)
  const squares = new Float64Array(C)
  for (let i = 0; i < x.length; i++) mean[i % C] += x[i] / count
  for (let i = 0; i < x.length; i++) squares[i % C] += (x[i] - mean[i % C]) ** 2
  return {
    mean,
    biased: squares.map((square) => square / count),
    unbiased: squares.map((square) => square / Math.max(count - 1, 1)),
  }
}

/** y = (x − mean) / √(variance + ε) · w + b */
export function normalize(x: Values, mean: Values, variance: Values, w: Values, b: Values): Float64Array {
  const C = mean.length
  return Float64Array.from(x, (value, i) => {
    const c = i % C
    return ((value - mean[c]) / Math.sqrt(variance[c] + EPSILON)) * w[c] + b[c]
  })
}

/** y = normalize(x) by the statistics of x itself. */
export function batchNormForward(x: Values, w: Values, b: Values): Float64Array {
  const { mean, biased } = batchStatistics(x, w.length)
  return normalize(x, mean, biased, w, b)
}

/**
 * db = Σ dy   dw = Σ dy · x̂   dx = w / √(variance + ε) · (dy − db / count − x̂ · dw / count)
 * with x̂ = normalize(x) for w = 1 and b = 0
 */
export function batchNormBackward(x: Values, w: Values, dy: Values) {
  const C = w.length
  const count = x.length / C
  const { mean, biased } = batchStatistics(x, C)
  const normal = normalize(x, mean, biased, new Float64Array(C).fill(1), new Float64Array(C))
  const dw = new Float64Array(C)
  const db = new Float64Array(C)
  normal.forEach((value, i) => {
    dw[i % C] += dy[i] * value
    db[i % C] += dy[i]
  })
  const dx = normal.map((value, i) => {
    const c = i % C
    return (w[c] / Math.sqrt(biased[c] + EPSILON)) * (dy[i] - db[c] / count - (value * dw[c]) / count)
  })
  return { dx, dw, db }
}

/** running = 0.9 · running + 0.1 · batch */
export function moveRunning(running: Values, batch: Values): Float64Array {
  return Float64Array.from(running, (value, c) => 0.9 * value + 0.1 * batch[c])
}
