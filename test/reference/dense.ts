type Values = ArrayLike<number>

export interface DenseShape {
  B: number
  I: number
  O: number
}

/** y[n,o] = b[o] + Σ_i x[n,i] · w[o,i]        x (B, I)   w (O, I)   b (O)   y (B, O) */
export function denseForward(x: Values, w: Values, b: Values, { B, I, O }: DenseShape): Float64Array {
  const y = new Float64Array(B * O)
  for (let n = 0; n < B; n++) {
    for (let o = 0; o < O; o++) {
      let sum = b[o]
      for (let i = 0; i < I; i++) sum += x[n * I + i] * w[o * I + i]
      y[n * O + o] = sum
    }
  }
  return y
}

/** dx[n,i] = Σ_o dy[n,o] · w[o,i]   dw[o,i] = Σ_n dy[n,o] · x[n,i]   db[o] = Σ_n dy[n,o] */
export function denseBackward(x: Values, w: Values, dy: Values, { B, I, O }: DenseShape) {
  const dx = new Float64Array(B * I)
  const dw = new Float64Array(O * I)
  const db = new Float64Array(O)
  for (let n = 0; n < B; n++) {
    for (let o = 0; o < O; o++) {
      const d = dy[n * O + o]
      db[o] += d
      for (let i = 0; i < I; i++) {
        dx[n * I + i] += d * w[o * I + i]
        dw[o * I + i] += d * x[n * I + i]
      }
    }
  }
  return { dx, dw, db }
}
