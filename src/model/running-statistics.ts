import { batchNormRunning } from '../ops/batch-norm.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'

/** Uses of one layer in one step that the running statistics can follow. */
const MOST_USES = 3

/**
 * The statistics of a step's batch normalisations, laid out as the running ones are in the arena, so that one dispatch
 * moves all of these.
 */
export class RunningStatistics {
  private batch: PlanTensor | undefined
  /** Of every use of a layer: where its statistics lie in the arena. */
  private readonly uses: PlanTensor[][] = []
  private readonly counts = new Map<string, number>()

  constructor(
    private readonly builder: PlanBuilder,
    private readonly arena: ParameterArena,
  ) {}

  /** Whether any layer takes the batch's statistics. */
  get areUsed(): boolean {
    return this.batch !== undefined
  }

  /** Where the next use of the layer leaves its statistics. */
  of(path: string): PlanTensor {
    const { builder, arena } = this
    const { trained, elements } = arena.placement
    const count = elements - trained
    this.batch ??= builder.activation('batch_norm.statistics', MOST_USES * count)
    const running = arena.parameters(`${path}.running_mean`, `${path}.running_var`)
    const use = this.counts.get(path) ?? 0
    this.counts.set(path, use + 1)
    if (use >= MOST_USES) throw new Error(`${path}: used more than ${MOST_USES} times in a step`)
    ;(this.uses[use] ??= []).push(running)
    const offset = use * count + running.offset - trained
    return builder.part(this.batch, `${path}.statistics.${use}`, running.elements, offset)
  }

  /** The dispatch that moves the running statistics, by every use of a layer in order. */
  update(status: PlanTensor): Dispatch {
    const { trained, elements } = this.arena.placement
    const running = { name: 'running', storage: 'parameters', elements: elements - trained, offset: trained }
    const ranges = this.uses.map((layers) => {
      const first = Math.min(...layers.map(({ offset }) => offset)) - trained
      const end = Math.max(...layers.map((layer) => layer.offset + layer.elements)) - trained
      return { first, count: end - first }
    })
    return batchNormRunning({ batch: this.batch!, running, status }, ranges)
  }
}
