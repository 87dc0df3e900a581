import type { Dispatch, PlanTensor } from '../../ops/dispatch.js'
import { bcePixels, type bceLoss } from '../../ops/likelihood.js'
import type { GaussianLikelihoodSpec, LikelihoodSpec } from '../spec.js'
import type { LikelihoodKind } from './likelihood.js'

type LogitSpec = Exclude<LikelihoodSpec, GaussianLikelihoodSpec>

/** A likelihood without a parameter of its own, of pixels in [0, 1], that reads the decoder's output as logits. */
export function logitLikelihood(
  type: LogitSpec['type'],
  isContinuous: boolean,
  lossOf: typeof bceLoss,
  meanOf: (t: { x: PlanTensor; y: PlanTensor }, shape: { B: number; N: number }) => Dispatch,
): LikelihoodKind<LogitSpec> {
  return {
    type,
    keys: [],
    read: () => ({ type }),
    create: () => ({
      type,
      isUnbounded: true,
      isRealValued: false,
      mean: isContinuous ? 'continuous-bernoulli' : 'sigmoid',
      parameters: () => [],
      images({ tensor: x, rows: B }, N, graph) {
        const y = graph.builder.activation('images', x.elements)
        graph.push(meanOf({ x, y }, { B, N }))
        return y
      },
      pixels({ tensor: logits, rows, samples }, t, N, graph) {
        graph.push(bcePixels({ logits, ...t }, { B: rows / samples, N, samples }, { isContinuous }))
      },
      loss({ tensor, rows: B, samples, activation }, t, N, gradient, graph) {
        graph.push(lossOf({ logits: tensor, ...t }, { B, N, samples }, activation, gradient))
        return undefined
      },
    }),
  }
}
