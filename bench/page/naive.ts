import { ACTIVATIONS } from '../../src/ops/activation.js'
import { denseBackwardInputNaive, denseBackwardWeightNaive, denseForwardNaive } from '../../src/ops/dense.js'
import type { Dispatch } from '../../src/ops/dispatch.js'
import { Plan } from '../../src/schedule/plan.js'

/** Naive kernels that do what a dense dispatch does, one invocation a value; none for other kernels. */
export function naiveDispatches({ kernel, constants, bindings }: Dispatch): Dispatch[] {
  if (!kernel.startsWith('dense_') || kernel.endsWith('_naive')) return []
  const { B, I, O, ACTIVATION, ACTIVATION_X } = constants
  const { x, w, b, y, dy, dx, dw, db } = bindings
  const shape = { B, I, O }
  if (y) return [denseForwardNaive({ x, w, b, y }, shape, ACTIVATIONS[ACTIVATION])]
  const naive: Dispatch[] = []
  if (dx) naive.push(denseBackwardInputNaive({ dy, x, w, dx }, shape, ACTIVATIONS[ACTIVATION_X]))
  if (dw) naive.push(denseBackwardWeightNaive({ dy, x, dw, db }, shape))
  return naive
}

/** The same plan with naive kernels wherever there are some, on the same buffers. */
export function naivePlan(plan: Plan): Plan {
  const dispatches = plan.dispatches.flatMap((dispatch) => {
    const naive = naiveDispatches(dispatch)
    return naive.length > 0 ? naive : [dispatch]
  })
  const sections = [{ name: 'step', first: 0, count: dispatches.length }]
  return new Plan(dispatches, sections, plan.buffers, plan.storages)
}
