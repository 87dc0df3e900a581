import { describe } from '../../checks.js'
import { DataError, SpecError } from '../../errors.js'
import type { Dispatch } from '../../ops/dispatch.js'
import { SPHERE_SAVED, vmfBackward, vmfForward } from '../../ops/von-mises-fisher.js'
import type { Random } from '../../random.js'
import type { Tensor } from '../../tensor.js'
import { readWhole } from '../fields.js'
import type { OrderGroups, VectorShape } from '../shapes.js'
import type { VonMisesFisherLatentSpec } from '../spec.js'
import { DrawnLatent, type DrawGradients, type DrawTensors } from './drawn.js'
import type { LatentFrame, LatentKind, LayeredLatent, Posterior } from './latent.js'
import { headInput } from './vector.js'

/** Concentrations that may be fixed; the kernels are held to 1e-5 of the divergence from 1 up. */
const [LEAST_CONCENTRATION, MOST_CONCENTRATION] = [0.001, 10_000]

/**
 * Points z of the unit sphere around a direction μ, q(z|x) ∝ exp(κ μᵀz) (Davidson et al. 2018); the prior is uniform. μ
 * is the direction of the first head's output; κ is 1 + softplus(output) of the second, or fixed (Xu & Durrett 2018).
 * A row of noise is u in (0, 1), which says how far z lies from μ, then normals, which say in what direction.
 */
class VonMisesFisherLatent extends DrawnLatent implements LayeredLatent {
  readonly type = 'von-mises-fisher'
  readonly isOnSphere = true
  readonly hasKlByDimension = false

  constructor(
    input: VectorShape,
    size: number,
    groups: OrderGroups,
    private readonly concentration: number | undefined,
  ) {
    super(input, size, groups, concentration === undefined ? [{ path: 'latent.concentration', size: 1 }] : [])
  }

  override get noiseWidth(): number {
    return this.size + 1
  }

  protected override get savedWidth(): number {
    return SPHERE_SAVED
  }

  checkNoise(noise: Float32Array): void {
    for (let at = 0; at < noise.length; at += this.noiseWidth) {
      if (noise[at] > 0 && noise[at] < 1) continue
      const what = `row ${at / this.noiseWidth} begins with ${noise[at]}`
      throw new DataError(`noise: ${what}, needs a number between 0 and 1, then ${this.size} normal ones`)
    }
  }

  /** `mean` is the direction μ, of length 1. */
  readPosterior(rows: number, [head]: readonly Float32Array[]): Posterior {
    const fixed = this.concentration
    const outputs = fixed === undefined ? this.heads.read(1, rows, head) : undefined
    const data = outputs?.map(concentrationOf) ?? new Float32Array(rows).fill(fixed!)
    return { mean: scaled(this.tensor(0, rows, head), () => 1), concentration: { shape: [rows], data } }
  }

  /** A μ, which lies inside the sphere. */
  expectation({ mean, concentration }: Posterior): Tensor {
    return scaled(mean, (row) => meanLength(this.size, concentration!.data[row]))
  }

  /** Directions of N(0, 1), which are uniform on the sphere. */
  override prior(count: number, random: Random): Tensor {
    return scaled(super.prior(count, random), () => 1)
  }

  protected forward({ saved, ...t }: DrawTensors, { rows: B, samples, noise, sampled }: LatentFrame): Dispatch {
    const { size, concentration } = this
    return vmfForward({ ...t, saved: saved! }, { B, size, samples, concentration }, noise, sampled)
  }

  protected backward({ saved, ...t }: DrawGradients, { samples, weights }: LatentFrame, B: number): Dispatch {
    const { size, concentration } = this
    return vmfBackward({ ...t, saved: saved!, weights }, { B, size, samples, concentration })
  }
}

/** A von Mises-Fisher distribution, its concentration learned or fixed. */
export const vonMisesFisher: LatentKind<VonMisesFisherLatentSpec> = {
  type: 'von-mises-fisher',
  keys: ['size', 'concentration'],
  read: ({ size, concentration }) => ({
    type: 'von-mises-fisher',
    size: readSize(size),
    ...(concentration !== undefined && { concentration: readConcentration(concentration) }),
  }),
  resolve({ size, concentration }, last, { groups }) {
    const { views, vector } = headInput(size + (concentration === undefined ? 1 : 0), last, groups)
    return { views, latent: new VonMisesFisherLatent(vector, size, groups, concentration) }
  },
}

/**
 * A = I_{m/2}(κ) / I_{m/2−1}(κ), the length of the mean of a von Mises-Fisher distribution in m dimensions. It is the
 * continued fraction of the ratio, begun far along with what is exact to second order for large κ.
 */
export function meanLength(size: number, kappa: number): number {
  const TERMS = 64
  const order = size / 2 - 1
  const far = order + TERMS
  let ratio = kappa / (far + 0.5 + Math.sqrt(kappa ** 2 + (far + 0.5) * (far + 1.5)))
  for (let n = far; n > order; n--) ratio = 1 / ((2 * n) / kappa + ratio)
  return ratio
}

function concentrationOf(output: number): number {
  return 1 + Math.max(output, 0) + Math.log1p(Math.exp(-Math.abs(output)))
}

/** Every row along its own direction, of a new length. */
function scaled({ shape, data }: Tensor, lengthOf: (row: number) => number): Tensor {
  const size = shape[1]
  const out = new Float32Array(data.length)
  for (let at = 0; at < data.length; at += size) {
    let square = 0
    for (let j = 0; j < size; j++) square += data[at + j] ** 2
    const scale = lengthOf(at / size) / Math.max(Math.sqrt(square), 1e-12) // as the kernel has it
    for (let j = 0; j < size; j++) out[at + j] = data[at + j] * scale
  }
  return { shape, data: out }
}

/** The circle is left out: the density of its points' component along μ is infinite at both ends. */
function readSize(value: unknown): number {
  const size = readWhole(value, 'latent.size', 1)
  if (size >= 3) return size
  throw new SpecError('latent.size', `a sphere needs 3 dimensions or more, got ${size}`)
}

function readConcentration(value: unknown): number {
  if (typeof value === 'number' && value >= LEAST_CONCENTRATION && value <= MOST_CONCENTRATION) return value
  const range = `${LEAST_CONCENTRATION} to ${MOST_CONCENTRATION}`
  throw new SpecError('latent.concentration', `needs a number from ${range}, got ${describe(value)}`)
}
