import { padTo4 } from '../../ops/dispatch.js'
import { choleskyBackward, choleskyForward, triangleSize } from '../../ops/cholesky.js'
import type { Value } from '../graph.js'
import type { OrderGroups, VectorShape } from '../shapes.js'
import type { Drawn, Latent, LatentFrame, Posterior } from './latent.js'
import { noiseOf } from './noise.js'
import { VectorLatent } from './vector.js'

/**
 * q(z|x) = N(μ, L Lᵀ), prior N(0, 1): the second head yields the lower triangle of L row by row, its diagonal as
 * L_jj = exp(½ · output).
 */
export class FullGaussianLatent extends VectorLatent implements Latent {
  readonly type = 'gaussian'
  readonly isRandom = true
  readonly hasKlByDimension = false
  readonly lossName = 'kl'

  constructor(input: VectorShape, size: number, groups: OrderGroups) {
    super(input, size, groups, [{ path: 'latent.cholesky', size: triangleSize(size) }])
  }

  get noiseWidth() {
    return this.size
  }

  draw(features: Value, frame: LatentFrame): Drawn {
    const { graph, rows: B, samples, losses, status, weights } = frame
    const Z = this.size
    const head = this.heads.forward(features, graph)
    const noise = noiseOf(frame, Z)
    const z = graph.value('z', frame, padTo4(Z))
    const t = { head: head.tensor, noise, z: z.tensor, losses, status }
    graph.push(choleskyForward(t, { B, Z, samples }, frame.noise === 'drawn', frame.sampled))
    graph.record({
      inputs: [head],
      outputs: [z],
      backward: (pass) => {
        const backward = { dz: pass.gradient(z)!, head: head.tensor, noise }
        const importance = weights && { z: z.tensor, weights }
        pass.send(head, 'dhead', 'no', ({ dx: dhead }) => [
          choleskyBackward({ ...backward, importance, dhead }, { B: head.rows, Z, samples }),
        ])
      },
    })
    return { z, head }
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
}
