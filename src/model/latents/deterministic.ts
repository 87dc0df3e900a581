import { readWhole } from '../fields.js'
import type { Value } from '../graph.js'
import type { DeterministicLatentSpec } from '../spec.js'
import type { Drawn, LatentFrame, LatentKind, LayeredLatent, Posterior } from './latent.js'
import { headInput, VectorLatent } from './vector.js'

/** A plain autoencoder's code: no noise, no KL. Its prior is taken to be N(0, 1). */
class DeterministicLatent extends VectorLatent implements LayeredLatent {
  readonly type = 'deterministic'
  readonly noiseWidth = 0
  readonly isRandom = false
  readonly hasKlByDimension = false
  readonly lossName = 'kl'

  draw(features: Value, { graph }: LatentFrame): Drawn {
    return { z: this.heads.forward(features, graph) }
  }

  readPosterior(rows: number, [head]: readonly Float32Array[]): Posterior {
    return { mean: this.tensor(0, rows, head) }
  }
}

/** A plain autoencoder's code. */
export const deterministic: LatentKind<DeterministicLatentSpec> = {
  type: 'deterministic',
  keys: ['size'],
  read: ({ size }) => ({ type: 'deterministic', size: readWhole(size, 'latent.size', 1) }),
  resolve({ size }, last, { groups }) {
    const { views, vector } = headInput(size, last, groups)
    return { views, latent: new DeterministicLatent(vector, size, groups) }
  },
}
