import type { PlanTensor } from '../../src/ops/dispatch.js'
import type { Memory } from '../../src/schedule/launch.js'
import { paramsBuffer } from '../../src/schedule/params.js'
import type { Plan } from '../../src/schedule/plan.js'
import { withTilings } from '../../src/schedule/tilings.js'
import { hash } from '../../test/reference/formula.js'
import type { BenchContext } from './context.js'
import { launches, storageBuffer } from './launch.js'
import { caseOf } from '../../test/reference/kernels/cases.js'
import type { Work } from './timing.js'
import { stepValues } from '../../test/reference/kernels/step.js'
import { valuesOf } from '../../test/reference/kernels/values.js'

/** A plan on buffers of its own, with weights and data from the seed, outside of any training. */
export class PlanRunner {
  /** One whole step. */
  readonly step: Work = (pass) => {
    for (const part of this.parts) part(pass)
  }

  private constructor(
    private readonly bench: BenchContext,
    /** With the tilings that were chosen. */
    readonly plan: Plan,
    private readonly memory: Memory,
    /** The step's dispatches, one by one. */
    readonly parts: readonly Work[],
  ) {}

  static async create(bench: BenchContext, plan: Plan, batch: number): Promise<PlanRunner> {
    const { device, uniform } = bench.schedule
    const buffers = new Map<PlanTensor, GPUBuffer>()
    for (const { label, sizeBytes, tensors } of plan.buffers) {
      const buffer = storageBuffer(bench, label, sizeBytes)
      for (const tensor of tensors) buffers.set(tensor, buffer)
    }
    const sizes = Object.entries(plan.storages)
    const storages = Object.fromEntries(sizes.map(([name, size]) => [name, storageBuffer(bench, name, size)]))
    const memory = { buffers, storages, uniform, params: paramsBuffer(device, plan.dispatches) }
    uniform.set(0, stepValues(bench.options.seed, batch))
    uniform.upload(1)
    const tiled = await withTilings(bench.schedule, plan, memory)
    const runner = new PlanRunner(bench, tiled, memory, await launches(bench, tiled.dispatches, memory))
    runner.fill()
    return runner
  }

  async run(work: Work): Promise<void> {
    const { device } = this.bench.schedule
    const encoder = device.createCommandEncoder({ label: 'bench.run' })
    const pass = encoder.beginComputePass({ label: 'bench.run' })
    work(pass)
    pass.end()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
  }

  /** A tensor that the plan binds under that name, the first there is. */
  read(name: string): Promise<Float32Array> {
    const tensor = this.plan.dispatches.flatMap(({ bindings }) => Object.values(bindings)).find((t) => t.name === name)
    if (!tensor) throw new Error(`the plan binds no "${name}"`)
    const buffer = this.memory.buffers.get(tensor) ?? this.memory.storages[tensor.storage]
    const range = { buffer, offsetBytes: 4 * tensor.offset, sizeBytes: 4 * tensor.elements }
    const encoder = this.bench.schedule.device.createCommandEncoder({ label: 'bench.read' })
    return this.bench.readback.read(encoder, [range])
  }

  /** @throws when a loss or gradient stopped being finite: updates were then skipped, and their times mean nothing. */
  async checkStatus(): Promise<void> {
    const [status] = await this.read('status')
    if (status !== 0) throw new Error('a loss or gradient stopped being finite while the step was timed')
  }

  destroy(): void {
    for (const buffer of [...this.memory.buffers.values(), ...Object.values(this.memory.storages)]) buffer.destroy()
  }

  /** Weights, the data set and an order; gradients and moments stay 0. */
  private fill(): void {
    const { queue } = this.bench.schedule.device
    const { storages } = this.memory
    const { seed } = this.bench.options
    for (const dispatch of this.plan.dispatches) {
      const inputs = caseOf(dispatch)?.inputs(valuesOf(dispatch), seed, dispatch.bindings) ?? {}
      for (const [name, values] of Object.entries(inputs)) {
        const { storage, offset } = dispatch.bindings[name]
        const isWeight = storage === 'parameters' && ['w', 'b', 'codebook'].includes(name)
        if (isWeight) queue.writeBuffer(storages[storage], 4 * offset, values as BufferSource)
      }
    }
    for (const [name, buffer] of Object.entries(storages)) {
      const words = (value: (i: number) => number) => Uint32Array.from({ length: buffer.size / 4 }, (_, i) => value(i))
      if (name === 'order') queue.writeBuffer(buffer, 0, words((i) => i))
      if (name.startsWith('images.')) queue.writeBuffer(buffer, 0, words((i) => hash(i, seed)))
    }
  }
}
