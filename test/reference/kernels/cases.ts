import type { Dispatch } from '../../../src/ops/dispatch.js'
import { adversarialCases } from './adversarial.js'
import { attentionCases } from './attention.js'
import { batchNormCases } from './batch-norm.js'
import type { KernelCase } from './case.js'
import { choleskyCases } from './cholesky.js'
import { classCases } from './classes.js'
import { codeCases } from './codes.js'
import { conditionCases } from './condition.js'
import { convCases } from './conv.js'
import { denseCases } from './dense.js'
import { elementwiseCases } from './elementwise.js'
import { likelihoodCases } from './likelihood.js'
import { lossCases } from './loss.js'
import { objectiveCases } from './objective.js'
import { quantizeCases } from './quantize.js'
import { recurrentCases } from './recurrent.js'
import { vonMisesFisherCases } from './von-mises-fisher.js'

/** Every kernel of the engine: tests run each on awkward shapes, the benchmark times it. A new one adds its entry. */
export const kernelCases: readonly KernelCase[] = [
  ...adversarialCases,
  ...attentionCases,
  ...batchNormCases,
  ...choleskyCases,
  ...classCases,
  ...codeCases,
  ...denseCases,
  ...convCases,
  ...conditionCases,
  ...lossCases,
  ...likelihoodCases,
  ...quantizeCases,
  ...objectiveCases,
  ...elementwiseCases,
  ...recurrentCases,
  ...vonMisesFisherCases,
]

const byKernel = new Map(kernelCases.map((entry) => [entry.kernel, entry]))

/** The case of a dispatch's kernel, which further tilings share. */
export function caseOf({ kernel }: Pick<Dispatch, 'kernel'>): KernelCase | undefined {
  return byKernel.get(kernel) ?? byKernel.get(kernel.replace(/_[a-z0-9]+$/, ''))
}
