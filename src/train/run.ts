import type { Dataset } from '../data/dataset.js'
import type { Objective } from '../model/objectives/objective.js'
import type { Augmentation } from '../ops/gather.js'
import type { Rate } from '../ops/rates.js'
import type { Optimizer } from '../ops/update.js'
import type { CheckpointStore } from '../stores/checkpoint-store.js'
import type { Loss } from './evaluate.js'

/** How to train. Give `epochs` or `steps`. */
export interface TrainOptions extends Augmentation, Objective {
  /** Passes over the data; a pass that was interrupted counts once it is finished. */
  epochs?: number
  /** Updates. */
  steps?: number
  /** Images per update, 100 unless given; the last batch of an epoch may be shorter. */
  batchSize?: number
  /**
   * Unless given, that of the training before, or Adam with its defaults. One of the same type goes on with the moments
   * and the step count (which schedules go by), even when its settings differ; another type starts anew. Batch size and
   * KL weight may change, too.
   */
  optimizer?: Optimizer
  /**
   * Of a model with a classifier: fills every batch with so many images of known label, taken round and round; the rest
   * are of those whose label is unknown, which an epoch then is a pass over. Unless given, both come as they are
   * shuffled.
   */
  labeledPerBatch?: number
  /**
   * Evaluated at the end of every epoch, by −ELBO with the KL weight; in training with importance samples also by the
   * bound with as many, which then is what `earlyStopping` goes by.
   */
  validation?: Dataset
  /** Weight of the KL term, instead of the specification's: a number, or a schedule over the updates. */
  klWeight?: Rate
  /**
   * Ends the run once the validation loss has not fallen by more than `minimumGain` (0) in `patience` epochs; one
   * that is not finite has not. When a run ends, other than by an error or the signal, the model holds the best
   * epoch's parameters, and a saved file has them under their names. Where training stands is kept apart, and saved
   * too: `train` and `step` go on from there, so that runs in pieces come to what one run comes to, the best epoch
   * being that of all pieces. (The best parameters with the step, moments and order of a later epoch would be a state
   * that no training was ever in. To train on from them nevertheless, set them: `vae.setParameters(await
   * vae.parameters())`.) After an early stop the patience begins anew; with another validation set or weight of the
   * KL term the best does; a run without early stopping forgets it.
   */
  earlyStopping?: { patience: number; minimumGain?: number }
  /** Of the order of the images and the noise; the model's own unless given. */
  seed?: number
  /** Aborting makes the run reject with the signal's reason; what was learned stays. */
  signal?: AbortSignal
  /** An event every so many steps, 1 unless given; the losses between are averaged. */
  reportEvery?: number
  /** The saved file, every so often, while training waits. */
  checkpoint?: Checkpoint
  /**
   * What becomes of a model whose loss or gradients stop being finite; the run ends with NumericError either way.
   * `'restore'` unless given: everything goes back to the last state known to be good, at most a few seconds old, from
   * which training can go on. It costs the memory of two copies of parameters and moments. `'stop'`: the parameters stay
   * those from before the step that failed, ruined as they may be.
   */
  onNonFinite?: 'restore' | 'stop'
}

/** When a run saves, and to where: `everySteps` or `everySeconds` or both, `store` or `save` or both. */
export interface Checkpoint {
  everySteps?: number
  everySeconds?: number
  /** From `checkpointStore`, or an object of your own with its `save`. */
  store?: Pick<CheckpointStore, 'save'>
  save?(file: Uint8Array): void | Promise<void>
}

/** What a run reports. */
export interface TrainEvent {
  /**
   * `'step'`: steps were done, each is told once. `'recovered'`: the device was lost, and training goes on on another one
   * with `lostSteps` to be made again, which are not told again; the rest repeats the step event before (or, before the
   * first, that one).
   */
  type: 'step' | 'recovered'
  /** Of `'recovered'`. */
  lostSteps?: number
  /** Updates done, counted over all runs with this type of optimiser. */
  step: number
  /** The epoch this step belongs to, from 1. */
  epoch: number
  /** Mean over the images since the last event, before their updates. */
  loss: Loss
  /** Over the last two seconds. */
  imagesPerSecond: number
  /** Updates that this run is to end at, on `step`'s scale. */
  totalSteps: number
  /** This step was the last of its epoch. */
  epochEnd: boolean
  /** The validation set's loss, at the end of an epoch. */
  validation?: Loss
  /**
   * Of a vector-quantised model, over the epoch so far (up to the last steps whose results have arrived): exp of the
   * entropy of how often each code was chosen, and how many were chosen at all.
   */
  perplexity?: number
  codesUsed?: number
  /** With early stopping, at the end of an epoch: it is the best so far. */
  best?: boolean
}

const MOST_UNREAD = 1024

/**
 * A training run. Loop over its events, or await `done`, which lets it run at full speed. Leaving the loop stops the run.
 * Events wait for a slow reader up to 1,024; then training waits.
 */
export class Run<E = TrainEvent> implements AsyncIterable<E> {
  /** Resolves to the last event. Rejects with NumericError, DeviceLostError, or the reason of the abort signal. */
  readonly done: Promise<E>
  private readonly unread: E[] = []
  private readonly control = new Control()
  private wakeReader: (() => void) | undefined
  private reading = false
  private finished = false

  /** @internal */
  constructor(body: (control: Control, emit: (event: E) => void) => Promise<E>) {
    this.done = body(this.control, (event) => this.emit(event)).finally(() => {
      this.finished = true
      this.wakeReader?.()
    })
    this.done.catch(() => {}) // whoever looks, at `done` or the events, gets the error
  }

  /** Whether the run is paused. */
  get paused(): boolean {
    return this.control.paused
  }

  /** Lets the steps under way finish, then waits. */
  pause(): void {
    this.control.paused = true
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.control.paused = false
    this.control.changed()
  }

  /** Ends the run after the steps under way, at least one; resolves to the last event. */
  stop(): Promise<E> {
    this.control.stopped = true
    this.control.changed()
    return this.done
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    this.reading = true
    try {
      while (true) {
        const event = this.unread.shift()
        if (event) {
          this.control.congested = this.unread.length >= MOST_UNREAD
          if (!this.control.congested) this.control.changed()
          yield event
        } else if (this.finished) {
          await this.done
          return
        } else {
          await new Promise<void>((resolve) => (this.wakeReader = resolve))
        }
      }
    } finally {
      this.reading = false
      if (!this.finished) await this.stop()
    }
  }

  private emit(event: E): void {
    if (!this.reading) return
    this.unread.push(event)
    this.control.congested = this.unread.length >= MOST_UNREAD
    this.wakeReader?.()
  }
}

/** What the outside asks of a run. */
export class Control {
  paused = false
  stopped = false
  /** The reader of the events is far behind. */
  congested = false
  private readonly waiting: (() => void)[] = []

  /** Whether training should hold on. */
  get held(): boolean {
    return (this.paused || this.congested) && !this.stopped
  }

  /** Wakes who waits. */
  changed(): void {
    for (const wake of this.waiting.splice(0)) wake()
  }

  /** Resolves at the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }
}
