import type { Dispatch } from '../../src/ops/dispatch.js'
import type { Ceilings, DispatchCost, StepCost } from '../results.js'
import { summarize } from './timing.js'
import { bytesOf } from './traffic.js'

/** What a step has to do. */
export interface StepWork {
  dispatches: number
  /** Of its matrix kernels. */
  flops: number
  /** That the other kernels move. */
  bytes: number
}

/** Adds up a plan's dispatches: those with arithmetic worth counting by it, the others by what they move. */
export function workOf(dispatches: readonly Dispatch[]): StepWork {
  return {
    dispatches: dispatches.length,
    flops: dispatches.reduce((sum, { flops }) => sum + flops, 0),
    bytes: dispatches.filter(({ flops }) => flops === 0).reduce((sum, dispatch) => sum + bytesOf(dispatch), 0),
  }
}

/** What the work takes at the ceilings, one term after another as if nothing overlapped, and what it does take. */
export function costOf(
  { dispatches, flops, bytes }: StepWork,
  { product, copy, dispatch }: Pick<Ceilings, 'product' | 'copy' | 'dispatch'>,
  measuredMs: number,
): StepCost {
  const dispatchMs = dispatches * dispatch.gpuMs
  const arithmeticMs = (1000 * flops) / product.perSecond
  const memoryMs = (1000 * bytes) / copy.perSecond
  const sumMs = dispatchMs + arithmeticMs + memoryMs
  return { dispatchMs, arithmeticMs, memoryMs, sumMs, measuredMs, ratio: measuredMs / sumMs }
}

/** Passes of so many dispatches that do nothing. */
interface EmptyPasses {
  count: number
  samplesMs: number[]
}

/** The slope over the number of dispatches in a pass, so that what the pass itself costs does not count. */
export function dispatchCostOf(few: EmptyPasses, many: EmptyPasses, encodeMs: number): DispatchCost {
  const [short, long] = [few, many].map(({ count, samplesMs }) => summarize(samplesMs, count))
  const gpuMs = (long.minMs - short.minMs) / (many.count - few.count)
  if (!(gpuMs > 0)) {
    throw new Error(`${many.count} empty dispatches took ${long.minMs} ms, ${few.count} of them ${short.minMs}`)
  }
  return { gpuMs, encodeMs, short, long }
}
