import { readName } from '../../checks.js'
import { padTo4 } from '../../ops/dispatch.js'
import { importanceBackward } from '../../ops/importance.js'
import { triangleSize } from '../../ops/cholesky.js'
import { reparameterizeBackward, reparameterizeForward } from '../../ops/latent.js'
import { readWhole } from '../fields.js'
import type { Value } from '../graph.js'
import type { OrderGroups, VectorShape } from '../shapes.js'
import type { GaussianLatentSpec } from '../spec.js'
import type { Drawn, Latent, LatentFrame, LatentKind, Posterior } from './latent.js'
import { FullGaussianLatent } from './full-gaussian.js'
import { noiseOf } from './noise.js'
import { headInput, VectorLatent } from './vector.js'

/** q(z|x) = N(μ, diag exp(logvar)), prior N(0, 1). */
class DiagonalGaussianLatent extends VectorLatent implements Latent {
  readonly type = 'gaussian'
  readonly isRandom = true
  readonly hasKlByDimension = true
  readonly lossName = 'kl'

  constructor(input: VectorShape, size: number, groups: OrderGroups) {
    super(input, size, groups, [{ path: 'latent.log_variance', size }])
  }

  get noiseWidth() {
    return this.size
  }

  draw(features: Value, frame: LatentFrame): Drawn {
    const { graph, rows: B, samples, losses, status, weights, kept } = frame
    const Z = this.size
    const head = this.heads.forward(features, graph)
    const noise = noiseOf(frame, Z)
    const z = graph.value('z', frame, padTo4(Z))
    const t = { head: head.tensor, noise, z: z.tensor, losses, status }
    graph.push(reparameterizeForward(t, { B, Z, samples }, frame.noise === 'drawn', frame.sampled))
    graph.record({
      inputs: [head],
      outputs: [z],
      backward: (pass) => {
        const backward = { dz: pass.gradient(z)!, head: head.tensor, noise }
        pass.send(head, 'dhead', 'no', ({ dx: dhead }) => [
          weights
            ? importanceBackward({ ...backward, weights, dhead }, { B: head.rows, Z, samples })
            : reparameterizeBackward({ ...backward, kept, dhead }, { B: head.rows, Z }),
        ])
      },
    })
    return { z, head }
  }

  readPosterior(rows: number, [head]: readonly Float32Array[]): Posterior {
    return { mean: this.tensor(0, rows, head), logVariance: this.tensor(1, rows, head) }
  }
}

const COVARIANCES = ['diagonal', 'full'] as const

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
