import { ElboError } from '../errors.js'
import { updateFactors, type Optimizer } from '../ops/update.js'
import type { Loss } from './evaluate.js'
import type { LiveModel } from './live-model.js'
import { optimizerFrom } from './optimizers.js'
import { stateFor } from './state.js'
import { batchRows, runBatch, type Batch } from './step.js'
import { resumeTraining } from './stopping.js'

/** Single updates on the caller's own batches, one after another. */
export class SingleSteps {
  private last: Promise<unknown> = Promise.resolve()
  private count = 0

  /** @param checkIdle throws while the model trains */
  constructor(
    private readonly live: LiveModel,
    private readonly seed: number,
    private readonly checkIdle: () => void,
  ) {}

  get areUnderWay(): boolean {
    return this.count > 0
  }

  /** One update, after those before it; returns the loss before the update. */
  async take(batch: Batch, optimizer: Optimizer): Promise<Loss> {
    const checked = optimizerFrom(optimizer, 'step.optimizer')
    const before = this.last
    this.count++
    const turn = (async () => {
      try {
        await before.catch(() => {})
        return await this.takeNow(batch, checked)
      } finally {
        this.count--
      }
    })()
    this.last = turn
    return turn
  }

  /** On the next device again where this one is lost, unless steps before this one were lost with it. */
  private async takeNow(batch: Batch, optimizer: Optimizer): Promise<Loss> {
    this.checkIdle()
    const { live } = this
    const rows = batchRows(live, batch, 'step') // before the state: a batch that is refused leaves it alone
    return live.use(async (runtime) => {
      runtime.check()
      const lostSteps = live.takeLostSteps()
      if (lostSteps > 0) {
        const where = `the model is as it was after step ${live.state!.step}: go on from there`
        throw new ElboError('steps-lost', `step: the GPU device was lost, and the last ${lostSteps} steps with it; ${where}`)
      }
      const { state, cleared } = stateFor(live.state, optimizer, this.seed)
      live.begin(state, cleared)
      resumeTraining(runtime, state)
      const factors = updateFactors(optimizer, state.step + 1)
      const settings = { klWeight: live.model.klWeight, seed: state.seed, counter: state.step, ...factors }
      const { loss } = await runBatch(runtime, rows, { update: optimizer }, settings)
      state.step++
      live.keepWhenDue()
      return loss
    })
  }
}
