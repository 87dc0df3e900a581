import type { ModelRuntime } from '../model/runtime.js'
import { momentsOf, type Optimizer } from '../ops/update.js'

/** Where training stands: with the parameters and moments, all that going on bit for bit needs. */
export interface TrainingState {
  optimizer: Optimizer
  /** Updates done. */
  step: number
  /** Epochs finished. */
  epoch: number
  /** Images of the current epoch already used. */
  cursor: number
  /** Of the shuffling and the noise. */
  seed: number
  /** Came from a file: the next optimiser with the same settings takes it over. */
  restored?: boolean
}

/** The state that this optimiser goes on with: its own, one restored with the same settings, or a new one. */
export function stateFor(
  runtime: ModelRuntime,
  current: TrainingState | undefined,
  optimizer: Optimizer,
  seed: number,
): TrainingState {
  if (current?.optimizer === optimizer) return current
  if (current?.restored && JSON.stringify(current.optimizer) === JSON.stringify(optimizer)) {
    return { ...current, optimizer, restored: false }
  }
  for (const moment of momentsOf(optimizer)) runtime.clear(moment)
  return { optimizer, step: 0, epoch: 0, cursor: 0, seed }
}
