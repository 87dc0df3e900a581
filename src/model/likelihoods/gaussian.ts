import { describe } from '../../checks.js'
import { SpecError } from '../../errors.js'
import { gaussianLoss, gaussianPixels, rowReduce } from '../../ops/likelihood.js'
import { vectorParameter } from '../parameters.js'
import type { GaussianLikelihoodSpec } from '../spec.js'
import type { Graph } from '../graph.js'
import type { LikelihoodKind } from './likelihood.js'

const LOG_VARIANCE = 'likelihood.log_variance'

/** Means, with one variance for all pixels, fixed or learned as its logarithm, which starts at 0. */
export const gaussian: LikelihoodKind<GaussianLikelihoodSpec> = {
  type: 'gaussian',
  keys: ['variance'],
  read: ({ variance }) => ({ type: 'gaussian', variance: readVariance(variance) }),
  create: ({ variance }) => {
    const learned = variance === 'learned'
    const logVarianceOf = ({ arena }: Graph) => (learned ? arena.parameters(LOG_VARIANCE) : Math.log(variance))
    return {
      type: 'gaussian',
      isUnbounded: false,
      isRealValued: true,
      mean: 'output',
      parameters: () => (variance === 'learned' ? [vectorParameter(LOG_VARIANCE, { size: 1, order: 'plain' })] : []),
      images: (output) => output.tensor, // any number is a pixel: nothing is clamped
      pixels({ tensor: means, rows, samples }, t, N, graph) {
        graph.push(gaussianPixels({ means, ...t }, { B: rows / samples, N, samples }, logVarianceOf(graph)))
      },
      loss({ tensor, rows: B, samples, activation }, t, N, gradient, graph) {
        const dlogvRows = graph.builder.activation('likelihood.dlogv', B)
        const tensors = { means: tensor, dlogvRows, ...t }
        graph.push(gaussianLoss(tensors, { B, N, samples }, logVarianceOf(graph), activation, gradient))
        if (!learned) return undefined
        const y = graph.arena.gradient(LOG_VARIANCE)
        return (weights) => {
          graph.push(rowReduce({ x: dlogvRows, weights, y }, { B }))
        }
      },
    }
  },
}

function readVariance(value: unknown): number | 'learned' {
  if (value === 'learned') return value
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
  throw new SpecError('likelihood.variance', `needs a finite number above 0, or 'learned', got ${describe(value)}`)
}
