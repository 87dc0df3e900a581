import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { paramsBuffer } from '../../src/schedule/params.js'
import { hash } from '../../test/reference/formula.js'
import type { Check } from '../results.js'
import type { BenchContext } from './context.js'
import { launches, ownTensors, storageBuffer } from './launch.js'
import { caseOf } from '../../test/reference/kernels/cases.js'
import type { Expected } from '../../test/reference/kernels/case.js'
import { stepValues } from '../../test/reference/kernels/step.js'
import { valuesOf } from '../../test/reference/kernels/values.js'
import type { Work } from './timing.js'

const PLACES = 48
const PLACES_AT_EACH_END = 4

/** Dispatches that share tensors, outside of their plan: every tensor has a buffer, filled as the reference says. */
export class SingleRun {
  private constructor(
    private readonly bench: BenchContext,
    private readonly dispatches: readonly Dispatch[],
    private readonly batch: number,
    private readonly buffers: ReadonlyMap<PlanTensor, GPUBuffer>,
    /** One per dispatch. */
    readonly works: readonly Work[],
  ) {}

  static async create(bench: BenchContext, given: readonly Dispatch[], batch: number): Promise<SingleRun> {
    const { device, uniform } = bench.schedule
    const dispatches = ownTensors(given)
    const buffers = new Map<PlanTensor, GPUBuffer>()
    for (const tensor of new Set(dispatches.flatMap(({ bindings }) => Object.values(bindings)))) {
      buffers.set(tensor, storageBuffer(bench, tensor.name, 4 * tensor.elements))
    }
    const params = paramsBuffer(device, dispatches)
    const works = await launches(bench, dispatches, { buffers, storages: {}, uniform, params })
    uniform.set(0, stepValues(bench.options.seed, batch))
    uniform.upload(1)
    return new SingleRun(bench, dispatches, batch, buffers, works)
  }

  /** Runs one dispatch on fresh inputs and compares outputs at a few places with their values in float64. */
  async check(index: number): Promise<Check> {
    const dispatch = this.dispatches[index]
    const reference = caseOf(dispatch)
    const before = this.fill(dispatch)
    if (!reference) return { state: 'unverified', detail: 'there is no reference for this kernel' }
    const { device } = this.bench.schedule
    const encoder = device.createCommandEncoder({ label: 'bench.check' })
    const pass = encoder.beginComputePass({ label: 'bench.check' })
    this.works[index](pass)
    pass.end()
    const names = Object.keys(dispatch.bindings)
    const ranges = names.map((name) => {
      const tensor = dispatch.bindings[name]
      return { buffer: this.buffers.get(tensor)!, offsetBytes: 0, sizeBytes: 4 * tensor.elements }
    })
    const all = await this.bench.readback.read(encoder, ranges)
    const after: Record<string, Float32Array> = {}
    let at = 0
    for (const [i, name] of names.entries()) after[name] = all.subarray(at, (at += ranges[i].sizeBytes / 4))
    const { seed } = this.bench.options
    const places = (output: string) => {
      const { elements } = dispatch.bindings[output]
      return Array.from({ length: Math.min(PLACES, elements) }, (_, i) => placeOf(i, elements, seed))
    }
    const step = stepValues(seed, this.batch)
    return compare(reference.expected({ constants: valuesOf(dispatch), step, before, after, places }), after)
  }

  destroy(): void {
    for (const buffer of this.buffers.values()) buffer.destroy()
  }

  /** Writes the inputs and clears everything else; returns all tensors by binding. */
  private fill(dispatch: Dispatch): Record<string, Float32Array> {
    const { device } = this.bench.schedule
    const { bindings } = dispatch
    const inputs = caseOf(dispatch)?.inputs(valuesOf(dispatch), this.bench.options.seed, bindings) ?? {}
    const before: Record<string, Float32Array> = {}
    const encoder = device.createCommandEncoder({ label: 'bench.clear' })
    for (const tensor of new Set(Object.values(bindings))) encoder.clearBuffer(this.buffers.get(tensor)!)
    device.queue.submit([encoder.finish()])
    for (const [name, tensor] of Object.entries(bindings)) {
      const values = inputs[name]
      before[name] = values ? new Float32Array(values.buffer) : new Float32Array(tensor.elements)
      if (values) device.queue.writeBuffer(this.buffers.get(tensor)!, 0, values as BufferSource)
    }
    return before
  }
}

/** Both ends of a tensor, where tiles are cut off, and anywhere. */
function placeOf(i: number, elements: number, seed: number): number {
  if (i < PLACES_AT_EACH_END) return i
  return i < 2 * PLACES_AT_EACH_END ? elements - 1 - i + PLACES_AT_EACH_END : hash(i, seed + 1) % elements
}

function compare(expected: Expected[], after: Record<string, Float32Array>): Check {
  let closest = 0
  for (const { output, index, value, bound, slices = { count: 1, stride: 0 } } of expected) {
    let actual = 0
    for (let slice = 0; slice < slices.count; slice++) actual += after[output][index + slice * slices.stride]
    const distance = Math.abs(actual - value)
    if (!(distance <= bound)) {
      const detail = `${output}[${index}] is ${actual}, needs ${value} ± ${bound.toExponential(1)}`
      return { state: 'failed', detail }
    }
    if (distance > 0) closest = Math.max(closest, distance / bound)
  }
  return { state: 'verified', detail: `${expected.length} values, at most ${(100 * closest).toFixed(0)} % of the bound` }
}
