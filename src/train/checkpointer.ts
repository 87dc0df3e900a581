import type { TrainOptions } from './run.js'

/** Says when a run's checkpoints are due, and passes them on. */
export class Checkpointer {
  private savedStep: number
  private savedMs = performance.now()

  /** @param step at which the run begins */
  constructor(
    private readonly options: TrainOptions['checkpoint'],
    step: number,
  ) {
    this.savedStep = step
  }

  /** Steps that must be the last of their submission are multiples of this. */
  get everySteps(): number {
    return this.options?.everySteps ?? Infinity
  }

  /** Whether one is due after this step; a step that is made again after its device was lost has had its own. */
  isDue(step: number): boolean {
    const { everySteps = Infinity, everySeconds = Infinity } = this.options ?? {}
    if (step <= this.savedStep) return false
    return step % everySteps === 0 || performance.now() - this.savedMs >= 1000 * everySeconds
  }

  /** Passes the file to the store, and to the caller. */
  async save(file: Uint8Array, step: number): Promise<void> {
    await this.options?.store?.save(file)
    await this.options?.save?.(file)
    this.savedStep = step
    this.savedMs = performance.now()
  }
}
