// The von Mises-Fisher distribution on the unit sphere in `size` dimensions, one row at a time: the component along the
// mean direction, ω, has the density exp(κω) (1 − ω²)^((size − 3)/2) up to a factor. Everything here is quadrature of
// that in y with ω = tanh y, whose density exp(κ tanh y) / cosh(y)^(size − 1) is smooth and has thin tails.

type Values = ArrayLike<number>

const PANELS = 400

/** Gauss-Legendre on [0, 1]. */
const NODES = [0.06943184420297371, 0.33000947820757187, 0.6699905217924281, 0.9305681557970263]
const WEIGHTS = [0.17392742256872692, 0.32607257743127307, 0.32607257743127307, 0.17392742256872692]

/** κ = 1 + softplus(output) */
export function concentrationOf(output: number): number {
  return 1 + Math.max(output, 0) + Math.log1p(Math.exp(-Math.abs(output)))
}

/** One distribution of ω. */
export class Marginal {
  /** The mean of ω, A(κ) = I_{m/2}(κ) / I_{m/2−1}(κ). */
  readonly mean: number
  /** The KL divergence from the uniform distribution, κA + ln C + ln area, in nats. */
  readonly kl: number
  /** Its derivative by κ, which is κ · variance of ω. */
  readonly klDerivative: number
  private readonly first: number
  private readonly last: number
  private readonly top: number
  private readonly mass: number

  constructor(private readonly size: number, private readonly kappa: number) {
    const mode = Math.asinh((2 * kappa) / (size - 1)) / 2
    this.top = this.exponent(mode)
    const edge = (step: number) => {
      let y = mode
      while (this.exponent(y) > this.top - 50) y += step
      return y
    }
    const width = 1 / Math.sqrt(size - 1)
    this.first = edge(-width)
    this.last = edge(width)
    this.mass = this.integrate(() => 1)
    this.mean = this.integrate(Math.tanh) / this.mass
    const variance = this.integrate((y) => (Math.tanh(y) - this.mean) ** 2) / this.mass
    this.kl = kappa * this.mean - this.top - Math.log(this.mass / uniformMass(size))
    this.klDerivative = kappa * variance
  }

  /** ln of the density in y, a constant left out. */
  private exponent(y: number): number {
    return this.kappa * Math.tanh(y) - (this.size - 1) * Math.log(Math.cosh(y))
  }

  /** The density in y, 1 at its mode. */
  private density(y: number): number {
    return Math.exp(this.exponent(y) - this.top)
  }

  /** ∫ f density dy, whole or up to an end. */
  private integrate(f: (y: number) => number, first = this.first, last = this.last): number {
    const width = (last - first) / PANELS
    let sum = 0
    for (let panel = 0; panel < PANELS; panel++) {
      NODES.forEach((node, i) => {
        const y = first + (panel + node) * width
        sum += WEIGHTS[i] * width * this.density(y) * f(y)
      })
    }
    return sum
  }

  /** The ω = tanh y below which u of the mass lies, and the derivative of y by κ at that u. */
  quantile(u: number): { y: number; dyByKappa: number } {
    const isLow = u <= 0.5
    const [near, far] = isLow ? [this.first, this.last] : [this.last, this.first]
    const target = (isLow ? u : 1 - u) * this.mass
    let [low, high] = [near, far]
    let y = (low + high) / 2
    for (let i = 0; i < 60; i++) { // Newton's method, halving where it leaves the bracket
      const excess = Math.abs(this.integrate(() => 1, near, y)) - target
      if (excess < 0) low = y
      else high = y
      const next = y - (Math.sign(far - near) * excess) / this.density(y)
      const isInside = (next - low) * (next - high) < 0
      const step = (isInside ? next : (low + high) / 2) - y
      y += step
      if (Math.abs(step) < 1e-14) break
    }
    // F(y; κ) = u: dy/dκ = −∂F/∂κ / density, and ∂F/∂κ = ∫ (ω − mean) density up to y
    const moment = this.integrate((at) => Math.tanh(at) - this.mean, near, y)
    return { y, dyByKappa: -moment / this.density(y) }
  }

  /** log q(z) − log p(z) of a point whose component along the mean direction is ω. */
  logRatio(omega: number): number {
    return this.kappa * (omega - this.mean) + this.kl
  }
}

/** z = ωμ + √(1−ω²) v, with μ along `mean`, ω the quantile at noise[0] and v along what is across μ in the rest of it. */
export function sphereForward(mean: Values, kappa: number, noise: Values): Float64Array {
  const { mu, across, omega, sine } = partsOf(mean, kappa, noise)
  return mu.map((value, j) => omega * value + sine * across[j])
}

/** The gradients of `sphereForward` by the mean before it is scaled to length 1, and by κ at fixed noise. */
export function sphereBackward(dz: Values, mean: Values, kappa: number, noise: Values) {
  const { mu, across, length, omega, sine, along, acrossLength, dyByKappa } = partsOf(mean, kappa, noise)
  const [a, b] = [dot(dz, mu), dot(dz, across)]
  const rest = mu.map((value, j) => dz[j] - a * value - b * across[j])
  const bend = omega - (along * sine) / acrossLength
  const dMean = rest.map((value, j) => ((omega * b - sine * a) * across[j] + bend * value) / length)
  return { dMean, dKappa: dyByKappa * (sine ** 2 * a - omega * sine * b) }
}

/** log q(z|x) − log p(z) of the sample, κω + ln C + ln area. */
export function sampledSphereKl(kappa: number, size: number, u: number): number {
  const marginal = new Marginal(size, kappa)
  return marginal.logRatio(Math.tanh(marginal.quantile(u).y))
}

/** Its derivative by κ at fixed u: ω − A + κ dω/dκ. */
export function sampledSphereKlDerivative(kappa: number, size: number, u: number): number {
  const marginal = new Marginal(size, kappa)
  const { y, dyByKappa } = marginal.quantile(u)
  return Math.tanh(y) - marginal.mean + (kappa * dyByKappa) / Math.cosh(y) ** 2
}

function partsOf(mean: Values, kappa: number, noise: Values) {
  const size = mean.length
  const length = Math.sqrt(dot(mean, mean))
  const mu = Float64Array.from(mean, (value) => value / length)
  const normal = Float64Array.from({ length: size }, (_, j) => noise[j + 1])
  const along = dot(normal, mu)
  const rest = normal.map((value, j) => value - along * mu[j])
  const acrossLength = Math.sqrt(dot(rest, rest))
  const across = rest.map((value) => value / acrossLength)
  const { y, dyByKappa } = new Marginal(size, kappa).quantile(noise[0])
  return { mu, across, length, omega: Math.tanh(y), sine: 1 / Math.cosh(y), along, acrossLength, dyByKappa }
}

/** ∫ cosh(y)^(1 − size) dy: π for size 2, 2 for size 3, and times (size − 1)/size for two dimensions more. */
export function uniformMass(size: number): number {
  return size <= 3 ? [Math.PI, 2][size - 2] : (uniformMass(size - 2) * (size - 3)) / (size - 2)
}

function dot(a: Values, b: Values): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
