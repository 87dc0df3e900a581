import type { Dataset } from '../data/dataset.js'
import type { Network } from '../model/network.js'
import type { ModelRuntime } from '../model/runtime.js'
import type { EvaluateOptions } from './arguments.js'
import type { Loss } from './evaluate.js'
import type { TrainingState } from './state.js'

// Early stopping keeps two states apart. Training's own goes on from epoch to epoch; the best epoch's content (parameters,
// statistics of the codes) is copied to "best". When a run ends, the best becomes what the model holds, and what training
// goes on from is set "aside" until it does. Both are saved.

/** The content that is kept besides the model's own, if any. */
export function keptContent({ stopping }: TrainingState): 'best' | 'aside' | undefined {
  if (stopping?.aside) return 'aside'
  return stopping?.best && 'best'
}

/** Training goes on: what it stands at is what the model holds. */
export function resumeTraining(runtime: ModelRuntime<Network>, state: TrainingState): void {
  if (!state.stopping?.aside) return
  runtime.copy('aside', 'parameters')
  state.stopping = { ...state.stopping, aside: false }
}

/** A run begins: it waits on, or anew where the losses do not compare; one without a measure forgets the best. */
export function beginWaiting(state: TrainingState, measure: string | undefined): void {
  if (measure === undefined) state.stopping = undefined
  else if (state.stopping?.measure !== measure) state.stopping = { measure, waited: 0, aside: false }
}

/**
 * Judges the epoch that has just ended.
 * @returns whether it is the best so far, which then is copied; with a loss that is not finite it never is
 */
export function judgeEpoch(
  runtime: ModelRuntime<Network>,
  state: TrainingState,
  { total, importanceWeighted: loss = total }: Loss,
  minimumGain = 0,
): boolean {
  const { stopping, epoch, step } = state
  const isBest = Number.isFinite(loss) && loss < (stopping!.best?.loss ?? Infinity) - minimumGain
  if (isBest) runtime.copy('parameters', 'best')
  state.stopping = isBest
    ? { ...stopping!, waited: 0, best: { loss, epoch, step } }
    : { ...stopping!, waited: stopping!.waited + 1 }
  return isBest
}

/**
 * A run has ended: the model holds the best there is.
 * @param early it has waited long enough: the next one waits anew
 */
export function holdBest(runtime: ModelRuntime<Network>, state: TrainingState, early: boolean): void {
  const { stopping, step } = state
  if (!stopping) return
  const aside = stopping.best !== undefined && stopping.best.step !== step
  if (aside) {
    runtime.copy('parameters', 'aside')
    runtime.copy('best', 'parameters')
  }
  state.stopping = { ...stopping, aside, waited: early ? 0 : stopping.waited }
}

/** What the model holds is to be changed by hand: from then on it is what training goes on from. */
export function adoptHeld(state: TrainingState): void {
  if (state.stopping?.aside) state.stopping = { ...state.stopping, aside: false }
}

/** Says what validation losses are of, so that only such are compared. */
export function measureOf(
  { count }: Dataset,
  { klWeight, importanceSamples = 0, binarize }: Omit<EvaluateOptions, 'seed' | 'batchSize'>,
): string {
  return `${count} images, KL weight ${klWeight}, importance samples ${importanceSamples}, binarize ${binarize ?? 'no'}`
}
