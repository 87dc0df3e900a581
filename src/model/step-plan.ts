import { labelGather } from '../ops/condition.js'
import { padTo4, type PlanTensor } from '../ops/dispatch.js'
import { batchGather } from '../ops/gather.js'
import { gradientAccumulate, gradientNorm, NORM_PARTIALS, optimizerUpdate } from '../ops/update.js'
import { PlanBuilder } from '../schedule/plan.js'
import { MOST_STEPS } from '../schedule/step.js'
import type { ParameterArena } from './arena.js'
import { Graph, type Value } from './graph.js'
import type { LatentFrame } from './latents/latent.js'
import type { Frame } from './layers/layer.js'
import type { Model } from './model.js'
import { Pins } from './pins.js'
import type { CompiledPlan, PlanRequest } from './request.js'
import { RunningStatistics } from './running-statistics.js'

/** Some of the parameters, and the word that they wait for: they are left as they are where it is not 0. */
export interface HeldPart {
  of(name: string): boolean
  status: PlanTensor
}

/** What the plans of all models have in common: images in, losses and gradients, the update. */
export class StepPlan {
  readonly graph: Graph
  readonly pins: Pins
  readonly frame: Frame
  /** Whether gradients are asked for. */
  readonly learns: boolean
  private readonly builder = new PlanBuilder()
  private wholeBatch: string | undefined
  private lossNames: readonly string[] = []
  private readonly statistics: RunningStatistics
  private readonly afterwards: ((status: PlanTensor) => void)[] = []

  constructor(
    private readonly model: Pick<Model, 'input' | 'classes' | 'lossParts'>,
    private readonly request: PlanRequest,
    private readonly arena: ParameterArena,
    /** Rows of an activation with a row per image. */
    private readonly B: number,
    /** In which order stacked batches move the running statistics, where not from the first to the last. */
    order?: readonly number[],
  ) {
    const { output } = request
    this.graph = new Graph(this.builder, arena)
    this.pins = new Pins(this.builder)
    this.learns = typeof output === 'object' || output === 'gradients'
    this.frame = { graph: this.graph, labels: () => this.pins.get('labels', B) }
    this.statistics = new RunningStatistics(this.builder, arena, order)
    if (this.learns) {
      const of = (path: string, batches: number) => this.batchStatistics(path, batches)
      this.frame.batchStatistics = { of, status: this.status }
    }
  }

  /** Everything pushed from here on belongs to that section. */
  begin(section: string): void {
    this.builder.begin(section)
  }

  /** One word that tells which step went wrong. */
  get status(): PlanTensor {
    return this.pins.get('status', 1)
  }

  /**
   * The batch's images, gathered from a data set or written by the host.
   * @param B rows; the plan's, unless given
   */
  images(B = this.B): Value {
    const { request, builder, pins } = this
    const { h: H, w: W, c: C } = this.model.input
    const N = H * W * C
    const x = pins.get('x', B * padTo4(N))
    const { input } = request
    if (input.type === 'set') {
      builder.begin('gather')
      const { floats } = input
      const order = builder.storage('order', 'order', input.entries ?? input.count)
      input.chunks.forEach(({ first, count }, i) => {
        const images = builder.storage(`images.${i}`, 'images', (count * padTo4(N)) / (floats ? 1 : 4))
        builder.push(batchGather({ images, order, x }, { B, H, W, C, first, count, floats }, input))
      })
      if (this.model.classes) {
        const labels = builder.storage('labels', 'labels', Math.ceil(input.count / 4))
        builder.push(labelGather({ labels, order, y: this.frame.labels!() }, { B }))
      }
    }
    return { tensor: x, rows: B, samples: 1, activation: 'linear' }
  }

  /** `[slots, parts, B]`, where the plan leaves every image's losses; by another objective than −ELBO also its share. */
  losses(hasObjective: boolean): PlanTensor {
    const names = this.model.lossParts.map(({ name }) => name)
    this.lossNames = hasObjective ? [...names, 'objective'] : names
    return this.pins.get('losses', this.lossNames.length * MOST_STEPS * this.B)
  }

  /** What a latent needs beside where its losses go. */
  latentFrame(rows: { rows: number; samples: number }): Omit<LatentFrame, 'losses' | 'weights' | 'kept'> {
    const { frame, pins, status, request, afterwards } = this
    return {
      ...frame,
      ...rows,
      pins,
      status,
      noise: request.noise,
      sampled: request.sampled === true || rows.samples > 1,
      updates: typeof request.output === 'object',
      afterUpdate: (push) => void afterwards.push(push),
    }
  }

  /**
   * Sums the gradients of a batch in slices, and ends in the optimiser's update where the request asks for one.
   * @param split pushes what tells which parts of the parameters wait; together the parts are all of them
   */
  update(split?: () => readonly HeldPart[]): void {
    const { arena, builder, pins, request, status } = this
    const arenas = arena.updateTensors()
    let { gradients } = arenas
    if ((request.slices ?? 1) > 1) {
      const sum = { ...gradients, name: 'gradient_sum', storage: 'gradient_sum' }
      builder.push(gradientAccumulate({ gradients, sum }))
      gradients = sum
    }
    pins.tensors.gradients = gradients
    if (typeof request.output !== 'object') return
    const optimizer = request.output.update
    builder.begin('update')
    const partials = builder.activation('gradient.norm', NORM_PARTIALS)
    builder.push(gradientNorm({ gradients, partials, status }))
    const norms = optimizer.clipNorm ? partials : undefined
    if (split) {
      for (const part of split()) {
        const tensors = arena.updateTensors(part.of)
        builder.push(optimizerUpdate({ ...tensors, status: part.status, norms }, optimizer))
      }
    } else {
      builder.push(optimizerUpdate({ ...arenas, gradients, status, norms }, optimizer))
    }
    if (this.statistics.areUsed) builder.push(this.statistics.update(status))
    for (const push of this.afterwards) push(status)
  }

  private batchStatistics(path: string, batches: number) {
    this.needsWholeBatch(path)
    return this.statistics.of(path, batches)
  }

  /** Says that what this path names takes a mean over the batch. */
  needsWholeBatch(path: string): void {
    this.wholeBatch ??= path
  }

  build(): CompiledPlan {
    const { wholeBatch, lossNames } = this
    return { plan: this.builder.build(), lossNames, wholeBatch, ...this.pins.tensors }
  }
}
