import type { Dispatch } from '../../../src/ops/dispatch.js'
import { batchNormReferences } from './batch-norm.js'
import { choleskyReferences } from './cholesky.js'
import { conditionReferences } from './condition.js'
import { convReferences } from './conv.js'
import { denseReferences } from './dense.js'
import { elementwiseReferences } from './elementwise.js'
import { likelihoodReferences } from './likelihood.js'
import { lossReferences } from './loss.js'
import { objectiveReferences } from './objective.js'
import { quantizeReferences } from './quantize.js'
import type { Reference } from './reference.js'
import { vonMisesFisherReferences } from './von-mises-fisher.js'

const references: Record<string, Reference> = {
  ...batchNormReferences,
  ...choleskyReferences,
  ...denseReferences,
  ...convReferences,
  ...conditionReferences,
  ...lossReferences,
  ...likelihoodReferences,
  ...quantizeReferences,
  ...objectiveReferences,
  ...elementwiseReferences,
  ...vonMisesFisherReferences,
}

/** The reference of a kernel; a further tiling, which has one more word in its name, shares that of the first. */
export function referenceOf({ kernel }: Dispatch): Reference | undefined {
  return references[kernel] ?? references[kernel.replace(/_[a-z0-9]+$/, '')]
}
