import type { Activation } from '../../ops/activation.js'
import {
  batchNormBackwardInput,
  batchNormBackwardWeight,
  batchNormForward,
  batchNormStatistics,
  statisticsWidth,
} from '../../ops/batch-norm.js'
import type { Rows, Value } from '../graph.js'
import { type ParameterSpec, vectorParameter } from '../parameters.js'
import type { Shape, VectorShape } from '../shapes.js'
import { readActivation } from '../spec-fields.js'
import type { BatchNormSpec } from '../spec.js'
import { activated, fused } from './activated.js'
import type { Frame, Layer, LayerKind } from './layer.js'

/** Each channel of an image, or feature of a vector, less its mean and over its deviation, then scaled and shifted. */
class BatchNormLayer implements Layer {
  readonly kind = 'batch-norm'

  constructor(
    readonly path: string,
    readonly input: Shape,
    readonly output: Shape,
    readonly activation: Activation,
  ) {}

  parameters(): ParameterSpec[] {
    const { path, features } = this
    const running = vectorParameter(`${path}.running_mean`, features)
    const variance = vectorParameter(`${path}.running_var`, features, { type: 'ones' })
    return [
      vectorParameter(`${path}.weight`, features, { type: 'ones' }),
      vectorParameter(`${path}.bias`, features),
      { ...running, buffer: true },
      { ...variance, buffer: true, behind: running.name },
    ]
  }

  forward(x: Value, { graph, batchStatistics }: Frame): Value {
    const { path } = this
    const activation = fused(this.activation)
    const { w, b } = graph.layer(path)
    const running = graph.arena.parameters(`${path}.running_mean`, `${path}.running_var`)
    const { statistics, apart } = batchStatistics?.of(path, x.batches ?? 1) ?? { statistics: running }
    const shapeOf = ({ rows: B, samples, batches }: Rows) => ({ B, ...this.size, samples, batches, apart })
    const y = graph.alike(`${path}.y`, x, activation)
    if (batchStatistics) {
      const { status } = batchStatistics
      graph.push(batchNormStatistics({ x: x.tensor, statistics, status }, shapeOf(x)))
    }
    const from = batchStatistics ? 'batch' : 'running'
    graph.push(batchNormForward({ x: x.tensor, statistics, w, b, y: y.tensor }, shapeOf(x), activation, from))
    graph.record({
      inputs: [x],
      outputs: [y],
      parameters: [path],
      backward: (pass) => {
        const read = { dy: pass.gradient(y)!, x: x.tensor, statistics }
        const shape = shapeOf(pass.rows(x))
        const sums = graph.builder.activation(`${path}.sums`, (shape.batches ?? 1) * statisticsWidth(shape.C))
        const own = pass.parameters(path)
        const gradients = own ? (own.accumulate ? 'add' : 'write') : 'none'
        graph.push(batchNormBackwardWeight({ ...read, sums, dw: own?.dw, db: own?.db }, shape, gradients))
        pass.send(x, `${path}.dx`, 'in-place', ({ dx, activation: activationX, add }) => [
          batchNormBackwardInput({ ...read, w, sums, dx }, shape, activationX, { add: add !== undefined }),
        ])
      },
    })
    return activated(y, this.activation, `${path}.activation`, graph)
  }

  /** A flattened image counts as a vector: each of its values is a feature. */
  private get size(): { P: number; C: number } {
    const { input } = this
    return input.kind === 'image' ? { P: input.h * input.w, C: input.c } : { P: 1, C: input.size }
  }

  private get features(): Pick<VectorShape, 'size' | 'order'> {
    const { input } = this
    return input.kind === 'image' ? { size: input.c, order: 'plain' } : input
  }
}

/** Batch normalisation of an image's channels or a vector's features. */
export const batchNorm: LayerKind<BatchNormSpec> = {
  type: 'batch-norm',
  keys: ['activation'],
  read: ({ activation }, path) => ({ type: 'batch-norm', ...readActivation(activation, path) }),
  resolve({ activation = 'linear' }, input, { name }, { groups }) {
    if (input.kind === 'image') return [new BatchNormLayer(name, input, input, activation)]
    const output = groups.add(input.size)
    groups.join(input, output)
    return [new BatchNormLayer(name, input, output, activation)]
  },
}
