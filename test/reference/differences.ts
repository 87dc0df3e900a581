type Values = ArrayLike<number>

/**
 * The gradient of f at x by central differences, (f(x + h) − f(x − h)) / 2h. With `samples`, about that many evenly
 * spread values of it; the others are NaN.
 */
export function centralDifferences(
  f: (x: Float64Array) => number,
  x: Values,
  h = 1e-5,
  samples = Infinity,
): Float64Array {
  const gradient = new Float64Array(x.length).fill(NaN)
  const probe = Float64Array.from(x)
  const stride = Math.max(1, Math.floor(x.length / samples))
  for (let i = 0; i < x.length; i += stride) {
    probe[i] = x[i] + h
    const above = f(probe)
    probe[i] = x[i] - h
    gradient[i] = (above - f(probe)) / (2 * h)
    probe[i] = x[i]
  }
  return gradient
}
