import { batchNormRunning } from '../ops/batch-norm.js'
import type { Dispatch, PlanTensor } from '../ops/dispatch.js'
import type { PlanBuilder } from '../schedule/plan.js'
import type { ParameterArena } from './arena.js'

/** Uses of one layer in one step that the running statistics can follow. */
const MOST_USES = 3

/**
 * The statistics of a step's batch normalisations, laid out as the running ones are in the arena, so that one dispatch
 * moves all of these. Every stacked batch of a layer is a use.
 */
export class RunningStatistics {
  private batch: PlanTensor | undefined
  /** Of every use of a layer: where its statistics lie in the arena. */
  private readonly uses: PlanTensor[][] = []
  private readonly counts = new Map<string, number>()

  constructor(
    private readonly builder: PlanBuilder,
    private readonly arena: ParameterArena,
    /** In which order the uses of a layer move its running statistics. */
    private readonly order: readonly number[] = [0, 1, 2],
  ) {}

  /** Whether any layer takes the batch's statistics. */
  get areUsed(): boolean {
    return this.batch !== undefined
  }

  /** Where the next uses of the layer, as many as it has stacked batches, leave their statistics, and how far apart. */
  of(path: string, batches: number): { statistics: PlanTensor; apart: number } {
    const { builder, arena } = this
    const { trained, elements: all } = arena.placement
    const count = all - trained
    this.batch ??= builder.activation('batch_norm.statistics', MOST_USES * count)
    const running = arena.parameters(`${path}.running_mean`, `${path}.running_var`)
    const use = this.counts.get(path) ?? 0
    this.counts.set(path, use + batches)
    if (use + batches > MOST_USES) throw new Error(`${path}: used more than ${MOST_USES} times in a step`)
    for (let u = use; u < use + batches; u++) (this.uses[u] ??= []).push(running)
    const elements = (batches - 1) * count + running.elements
    const offset = use * count + running.offset - trained
    return { statistics: builder.part(this.batch, `${path}.statistics.${use}`, elements, offset), apart: count }
  }

  /** The dispatch that moves the running statistics, by one use of a layer after another. */
  update(status: PlanTensor): Dispatch {
    const { trained, elements } = this.arena.placement
    const running = { name: 'running', storage: 'parameters', elements: elements - trained, offset: trained }
    const used = this.order.filter((use) => this.uses[use])
    const ranges = used.map((use) => {
      const layers = this.uses[use]
      const first = Math.min(...layers.map(({ offset }) => offset)) - trained
      const end = Math.max(...layers.map((layer) => layer.offset + layer.elements)) - trained
      return { use, first, count: end - first }
    })
    return batchNormRunning({ batch: this.batch!, running, status }, ranges)
  }
}
