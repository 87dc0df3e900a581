import type { Activation } from '../../../src/ops/activation.js'
import type { Dispatch } from '../../../src/ops/dispatch.js'

/** Everything fixed about a dispatch, whether compiled in or passed in. */
export function valuesOf({ constants, params }: Dispatch): Record<string, number> {
  return { ...constants, ...params }
}

/** By their codes, from 1 on. */
const OTHERS: readonly Activation[] = ['tanh', 'sigmoid', 'softplus', 'elu', 'silu']

/** The activation that the code and the slope among these values mean; `_X` is that of the layer before. */
export function activationOf(values: Record<string, number>, suffix: '' | '_X' = ''): Activation {
  const code = values[`ACTIVATION${suffix}`]
  const other = OTHERS[code - 1]
  if (other) return other
  const slope = values[`SLOPE${suffix}`]
  return slope === 1 ? 'linear' : slope === 0 ? 'relu' : 'leaky-relu'
}
