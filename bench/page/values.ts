import type { Activation } from '../../src/ops/activation.js'
import type { Dispatch } from '../../src/ops/dispatch.js'

/** Everything fixed about a dispatch, whether compiled in or passed in. */
export function valuesOf({ constants, params }: Dispatch): Record<string, number> {
  return { ...constants, ...params }
}

/** The activation that the code and the slope among these values mean; `_X` is that of the layer before. */
export function activationOf(values: Record<string, number>, suffix: '' | '_X' = ''): Activation {
  const code = values[`ACTIVATION${suffix}`]
  if (code === 1) return 'tanh'
  if (code === 2) return 'sigmoid'
  const slope = values[`SLOPE${suffix}`]
  return slope === 1 ? 'linear' : slope === 0 ? 'relu' : 'leaky-relu'
}
