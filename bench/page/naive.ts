import { denseBackwardInputNaive, denseBackwardWeightNaive, denseForwardNaive } from '../../src/ops/dense.js'
import type { Dispatch } from '../../src/ops/dispatch.js'
import { Plan } from '../../src/schedule/plan.js'
import { activationOf, valuesOf } from '../../test/reference/kernels/values.js'

/** Naive kernels that do what a dense dispatch does, one invocation a value; none for other kernels. */
export function naiveDispatches(dispatch: Dispatch): Dispatch[] {
  const { kernel, bindings } = dispatch
  if (!kernel.startsWith('dense_') || kernel.endsWith('_naive')) return []
  const values = valuesOf(dispatch)
  const { B, I, O, INPUTS } = values
  const { x, w, b, y, dy, dx, dw, db } = bindings
  const shape = { B, I, O }
  if (y) return [denseForwardNaive({ x, w, b, y }, shape, activationOf(values))]
  const naive: Dispatch[] = []
  if (INPUTS) naive.push(denseBackwardInputNaive({ dy, x, w, dx }, shape, activationOf(values, '_X')))
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
