import { bceLoss, sigmoidForward } from '../../ops/likelihood.js'
import type { LikelihoodKind } from './likelihood.js'

/** Logits l: −log p = max(l, 0) − l·x + log(1 + exp(−|l|)). */
export const bernoulli: LikelihoodKind<{ type: 'bernoulli' }> = {
  type: 'bernoulli',
  keys: [],
  read: () => ({ type: 'bernoulli' }),
  create: () => ({
    type: 'bernoulli',
    isUnbounded: true,
    isRealValued: false,
    parameters: () => [],
    images({ tensor: x, rows: B }, N, graph) {
      const y = graph.builder.activation('images', x.elements)
      graph.push(sigmoidForward({ x, y }, { B, N }))
      return y
    },
    loss({ tensor, rows: B, samples, activation }, t, N, gradient, graph) {
      graph.push(bceLoss({ logits: tensor, ...t }, { B, N, samples }, activation, gradient))
      return undefined
    },
  }),
}
