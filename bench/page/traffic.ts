import { reflectedKernel } from '../../src/kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { RULES } from '../../src/ops/update.js'
import { MOST_STEPS } from '../../src/schedule/step.js'

/** Bindings that a kernel reads and overwrites. */
const IN_PLACE: Record<string, string[]> = {
  optimizer_update: ['parameters', 'm', 'v'],
  batch_norm_running: ['running'],
  bce_loss: ['logits'],
  gaussian_loss: ['means'],
  codebook_average: ['count', 'mean'],
  importance_loss: ['dy'],
  gradient_accumulate: ['sum'],
}

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

/** Whether an update reads and writes a moment; true of what is no moment. */
export function movesMoment({ RULE, BETA1 }: Record<string, number>, name: string): boolean {
  if (name === 'm') return RULE === RULES.ADAM || BETA1 > 0
  return name !== 'v' || RULE !== RULES.SGD
}

function bindingBytes({ kernel, constants, bindings }: Dispatch, name: string, { elements }: PlanTensor): number {
  if (name === 'row_losses' || (name === 'losses' && 'row_losses' in bindings)) return (4 * elements) / MOST_STEPS
  if (name === 'losses') return (4 * elements) / (2 * MOST_STEPS)
  if (kernel === 'batch_gather' && name === 'images') return bindings.x.elements * (constants.FLOATS ? 4 : 1)
  if (kernel.endsWith('_gather') && name === 'order') return 4 * constants.B
  if (kernel === 'label_gather' && name === 'labels') return constants.B
  if (kernel === 'optimizer_update' && !movesMoment(constants, name)) return 0
  const readOnly = reflectedKernel(kernel).bindings[name].type === 'read-only-storage'
  const leftAlone = kernel.endsWith('_loss') && constants.GRADIENT === 0
  const inPlace = !readOnly && !leftAlone && (IN_PLACE[kernel] ?? []).includes(name)
  return (inPlace ? 2 : 1) * 4 * elements
}
