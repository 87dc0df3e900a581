import { continuousBernoulliLoss, continuousBernoulliMean } from '../../ops/likelihood.js'
import type { LikelihoodKind } from './likelihood.js'

/** Logits, with the normalising constant that grey values need (Loaiza-Ganem & Cunningham 2019). */
export const continuousBernoulli: LikelihoodKind<{ type: 'continuous-bernoulli' }> = {
  type: 'continuous-bernoulli',
  keys: [],
  read: () => ({ type: 'continuous-bernoulli' }),
  create: () => ({
    type: 'continuous-bernoulli',
    isUnbounded: true,
    isRealValued: false,
    parameters: () => [],
    images({ tensor: x, rows: B }, N, graph) {
      const y = graph.builder.activation('images', x.elements)
      graph.push(continuousBernoulliMean({ x, y }, { B, N }))
      return y
    },
    loss({ tensor, rows: B, samples, activation }, t, N, gradient, graph) {
      graph.push(continuousBernoulliLoss({ logits: tensor, ...t }, { B, N, samples }, activation, gradient))
      return undefined
    },
  }),
}
