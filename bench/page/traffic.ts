import { reflectedKernel } from '../../src/kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { MOST_STEPS } from '../../src/schedule/step.js'
import { caseOf } from '../../test/reference/kernels/cases.js'

/**
 * The least bytes a dispatch moves: every tensor that is bound once, twice where it is updated in place; of the data
 * set and the ring of losses the part of one step.
 */
export function bytesOf(dispatch: Dispatch): number {
  const counted = new Set<PlanTensor>()
  let bytes = 0
  for (const [name, tensor] of Object.entries(dispatch.bindings)) {
    if (counted.has(tensor)) continue // stands in for a binding that is not read
    counted.add(tensor)
    bytes += bindingBytes(dispatch, name, tensor)
  }
  return bytes
}

function bindingBytes({ kernel, constants, bindings }: Dispatch, name: string, { elements }: PlanTensor): number {
  if (name === 'row_losses' || (name === 'losses' && 'row_losses' in bindings)) return (4 * elements) / MOST_STEPS
  if (name === 'losses') return (4 * elements) / (2 * MOST_STEPS)
  if (kernel === 'batch_gather' && name === 'images') return bindings.x.elements * (constants.FLOATS ? 4 : 1)
  if (kernel.endsWith('_gather') && name === 'order') return 4 * constants.B
  if (kernel === 'label_gather' && name === 'labels') return constants.B
  const { inPlace = [], idle } = caseOf({ kernel }) ?? {}
  if (idle?.(constants).includes(name)) return 0
  const readOnly = reflectedKernel(kernel).bindings[name].type === 'read-only-storage'
  const leftAlone = kernel.endsWith('_loss') && constants.GRADIENT === 0
  const isBoth = !readOnly && !leftAlone && inPlace.includes(name)
  return (isBoth ? 2 : 1) * 4 * elements
}
