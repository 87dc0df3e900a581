type Values = ArrayLike<number>

// The cell of an LSTM, one row: gates are input, forget, cell, output, each of as many units as the state.

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v))

/** i, f, o = sigmoid   g = tanh   c = f · before + i · g   h = o · tanh(c) */
export function lstmForward(gates: Values, before: Values) {
  const U = before.length
  const activated = Float64Array.from(gates, (v, k) => (Math.floor(k / U) === 2 ? Math.tanh(v) : sigmoid(v)))
  const [i, f, g, o] = gatesOf(activated, U)
  const c = Float64Array.from(before, (value, u) => f[u] * value + i[u] * g[u])
  return { activated, c, h: c.map((value, u) => o[u] * Math.tanh(value)) }
}

/**
 * From the gradients by h and by the state that is passed on, with dc += dh · o · (1 − tanh²(c)):
 * di = dc · g   df = dc · before   dg = dc · i   do = dh · tanh(c)   dbefore = dc · f
 */
export function lstmBackward(gates: Values, before: Values, dh: Values, dcLater: Values) {
  const U = before.length
  const { activated, c } = lstmForward(gates, before)
  const [i, f, g, o] = gatesOf(activated, U)
  const dGates = new Float64Array(4 * U)
  const dBefore = new Float64Array(U)
  for (let u = 0; u < U; u++) {
    const t = Math.tanh(c[u])
    const dc = dcLater[u] + dh[u] * o[u] * (1 - t * t)
    dGates[u] = dc * g[u] * i[u] * (1 - i[u])
    dGates[U + u] = dc * before[u] * f[u] * (1 - f[u])
    dGates[2 * U + u] = dc * i[u] * (1 - g[u] ** 2)
    dGates[3 * U + u] = dh[u] * t * o[u] * (1 - o[u])
    dBefore[u] = dc * f[u]
  }
  return { dGates, dBefore }
}

function gatesOf(gates: Float64Array, U: number): Float64Array[] {
  return [0, 1, 2, 3].map((k) => gates.subarray(k * U, (k + 1) * U))
}
