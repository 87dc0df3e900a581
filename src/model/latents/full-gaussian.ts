import { choleskyBackward, choleskyForward, triangleSize } from '../../ops/cholesky.js'
import type { Dispatch } from '../../ops/dispatch.js'
import type { OrderGroups, VectorShape } from '../shapes.js'
import { DrawnLatent, type DrawGradients, type DrawTensors } from './drawn.js'
import type { LatentFrame, LayeredLatent, Posterior } from './latent.js'

/**
 * q(z|x) = N(μ, L Lᵀ), prior N(0, 1): the second head yields the lower triangle of L row by row, its diagonal as
 * L_jj = exp(½ · output).
 */
export class FullGaussianLatent extends DrawnLatent implements LayeredLatent {
  readonly type = 'gaussian'
  readonly hasKlByDimension = false

  constructor(input: VectorShape, size: number, groups: OrderGroups) {
    super(input, size, groups, [{ path: 'latent.cholesky', size: triangleSize(size) }])
  }

  /** `cholesky` is L itself, zeros above the diagonal. */
  readPosterior(rows: number, [head]: readonly Float32Array[]): Posterior {
    const Z = this.size
    const outputs = this.heads.read(1, rows, head)
    const cholesky = new Float32Array(rows * Z * Z)
    const width = triangleSize(Z)
    for (let n = 0; n < rows; n++) {
      for (let j = 0; j < Z; j++) {
        for (let k = 0; k <= j; k++) {
          const output = outputs[n * width + (j * (j + 1)) / 2 + k]
          cholesky[(n * Z + j) * Z + k] = k === j ? Math.exp(0.5 * output) : output
        }
      }
    }
    return { mean: this.tensor(0, rows, head), cholesky: { shape: [rows, Z, Z], data: cholesky } }
  }

  protected forward(t: DrawTensors, { rows: B, samples, noise, sampled }: LatentFrame): Dispatch {
    return choleskyForward(t, { B, Z: this.size, samples }, noise === 'drawn', sampled)
  }

  protected backward({ z, ...t }: DrawGradients, { samples, weights }: LatentFrame, B: number): Dispatch {
    return choleskyBackward({ ...t, importance: weights && { z, weights } }, { B, Z: this.size, samples })
  }
}
