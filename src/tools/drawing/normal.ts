/** Standard normal distribution function (Abramowitz and Stegun 7.1.26; error below 1e-7). */
export function normalCdf(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2))
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  const tail = 0.5 * series * Math.exp(-0.5 * x * x)
  return x < 0 ? tail : 1 - tail
}

/** Its inverse, for 0 < p < 1, by bisection: it is asked for a few values only. */
export function normalQuantile(p: number): number {
  let low = -8
  let high = 8
  while (high - low > 1e-6) {
    const middle = (low + high) / 2
    if (normalCdf(middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
