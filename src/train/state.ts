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
  /** Known labels taken so far by batches that have so many each. */
  labeledCursor?: number
  /** Of the shuffling and the noise. */
  seed: number
  /** Of runs with early stopping. */
  stopping?: Stopping
}

/** The best epoch so far. */
export interface BestEpoch {
  /** Of the validation set. */
  readonly loss: number
  /** Epochs and updates done at its end. */
  readonly epoch: number
  readonly step: number
}

/** What early stopping knows. Never changed, only replaced, so that copies of the training state keep theirs. */
export interface Stopping {
  /** What the losses were measured on and how; with any other they do not compare. */
  readonly measure: string
  /** Epochs since the best one that were not better, counted anew after each early stop. */
  readonly waited: number
  readonly best?: BestEpoch
  /** The model holds the best content, and that of training is aside. */
  readonly aside: boolean
}

/** A state to go on with, and the moments that begin at zero there. */
export interface NextState {
  state: TrainingState
  cleared: ('m' | 'v')[]
}

/**
 * The state that this optimiser goes on with: that of training so far with an optimiser of the same kind, whatever its
 * settings were, or a new one.
 */
export function stateFor(current: TrainingState | undefined, optimizer: Optimizer, seed: number): NextState {
  const goesOn = current?.optimizer.type === optimizer.type
  const kept = goesOn ? momentsOf(current.optimizer) : []
  const cleared = momentsOf(optimizer).filter((moment) => !kept.includes(moment))
  return { state: goesOn ? { ...current, optimizer } : { optimizer, step: 0, epoch: 0, cursor: 0, seed }, cleared }
}
