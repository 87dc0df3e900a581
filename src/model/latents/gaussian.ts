import { readName } from '../../checks.js'
import type { Dispatch } from '../../ops/dispatch.js'
import { importanceBackward } from '../../ops/importance.js'
import { triangleSize } from '../../ops/cholesky.js'
import { reparameterizeBackward, reparameterizeForward } from '../../ops/latent.js'
import { readWhole } from '../fields.js'
import type { OrderGroups, VectorShape } from '../shapes.js'
import type { GaussianLatentSpec } from '../spec.js'
import { DrawnLatent, type DrawGradients, type DrawTensors } from './drawn.js'
import { FullGaussianLatent } from './full-gaussian.js'
import type { LatentFrame, LatentKind, LayeredLatent, Posterior } from './latent.js'
import { headInput } from './vector.js'

/** q(z|x) = N(μ, diag exp(logvar)), prior N(0, 1). */
class DiagonalGaussianLatent extends DrawnLatent implements LayeredLatent {
  readonly type = 'gaussian'
  readonly hasKlByDimension = true
  readonly weighsRows = true

  constructor(input: VectorShape, size: number, groups: OrderGroups) {
    super(input, size, groups, [{ path: 'latent.log_variance', size }])
  }

  readPosterior(rows: number, [head]: readonly Float32Array[]): Posterior {
    return { mean: this.tensor(0, rows, head), logVariance: this.tensor(1, rows, head) }
  }

  protected forward(t: DrawTensors, { rows: B, samples, heads = 1, noise, sampled }: LatentFrame): Dispatch {
    return reparameterizeForward(t, { B, Z: this.size, samples: samples / heads, heads }, noise === 'drawn', sampled)
  }

  protected backward(t: DrawGradients, { samples, heads, weights, kept }: LatentFrame, B: number): Dispatch {
    const Z = this.size
    if (heads || !weights) return reparameterizeBackward({ ...t, kept, weights }, { B, Z, heads })
    return importanceBackward({ ...t, weights }, { B, Z, samples })
  }
}

const COVARIANCES = ['diagonal', 'full'] as const

/** A Gaussian of either covariance. */
export const gaussian: LatentKind<GaussianLatentSpec> = {
  type: 'gaussian',
  keys: ['size', 'covariance'],
  read: ({ size, covariance }) => ({
    type: 'gaussian',
    size: readWhole(size, 'latent.size', 1),
    ...(covariance !== undefined && {
      covariance: readName(covariance, 'latent.covariance', 'covariance', COVARIANCES),
    }),
  }),
  resolve({ size, covariance }, last, { groups }) {
    const full = covariance === 'full'
    const { views, vector } = headInput(full ? triangleSize(size) : size, last, groups)
    const Kind = full ? FullGaussianLatent : DiagonalGaussianLatent
    return { views, latent: new Kind(vector, size, groups) }
  },
}
