import { pipelinesOf } from '../../src/kernels/pipelines.js'
import { ParameterArena } from '../../src/model/arena.js'
import { Graph, type Value } from '../../src/model/graph.js'
import { fromInner, innerElements, toInner } from '../../src/model/layout.js'
import type { ParameterSpec } from '../../src/model/parameters.js'
import { padRows, padTo4, type PlanTensor } from '../../src/ops/dispatch.js'
import { Executable } from '../../src/schedule/executable.js'
import { PlanBuilder } from '../../src/schedule/plan.js'
import { StepUniform } from '../../src/schedule/step.js'
import { download, upload } from '../harness/gpu.js'
import { DEFAULT_STEP } from './run-kernel.js'

type Rows = readonly (readonly number[])[]

/** A graph under test: values that the host writes, and what it has been built of. */
export class GraphBench {
  readonly builder = new PlanBuilder()
  readonly arena: ParameterArena
  readonly graph: Graph
  private readonly inputs: { tensor: PlanTensor; rows: Rows }[] = []

  constructor(readonly specs: ParameterSpec[]) {
    this.arena = new ParameterArena({ parameters: () => specs })
    this.graph = new Graph(this.builder, this.arena)
    this.builder.begin('test')
  }

  /** A value of these rows. */
  input(name: string, rows: Rows): Value {
    return { tensor: this.tensor(name, rows), rows: padRows(rows.length), samples: 1, activation: 'linear' }
  }

  /** The gradient that an objective puts on a value. */
  tensor(name: string, rows: Rows): PlanTensor {
    const tensor = this.builder.pin(this.builder.activation(name, padRows(rows.length) * padTo4(rows[0].length)))
    this.inputs.push({ tensor, rows })
    return tensor
  }

  /**
   * Runs everything pushed on these parameters, twice, so that what should be written and is added to shows.
   * @returns the gradients under the parameters' names, NaN where nothing was written
   */
  async run(device: GPUDevice, parameters: Record<string, Float32Array>): Promise<Record<string, Float32Array>> {
    const { specs, arena, inputs } = this
    const { elements, offsets } = arena.placement
    const values = new Float32Array(elements)
    for (const { name, layout } of specs) values.set(toInner(parameters[name], layout), offsets[name])
    const storages = {
      parameters: upload(device, values, undefined, 'parameters'),
      gradients: upload(device, new Float32Array(elements).fill(NaN), undefined, 'gradients'),
    }
    const uniform = new StepUniform(device)
    const context = { device, isSoftware: true, pipelines: pipelinesOf(device), uniform }
    const executable = await Executable.create(context, this.builder.build(), storages)
    executable.bind(storages)
    const batch = inputs[0].rows.length
    uniform.set(0, { ...DEFAULT_STEP, batch })
    uniform.upload(1)
    for (const { tensor, rows } of inputs) {
      const data = new Float32Array(tensor.elements)
      rows.forEach((row, n) => data.set(row, n * padTo4(row.length)))
      device.queue.writeBuffer(executable.buffer(tensor), 0, data)
    }
    for (let times = 0; times < 2; times++) {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      executable.encodeSlice(pass, 0)
      pass.end()
      device.queue.submit([encoder.finish()])
    }
    const gradients = new Float32Array(await download(device, storages.gradients))
    executable.destroy()
    uniform.destroy()
    for (const buffer of Object.values(storages)) buffer.destroy()
    const named = specs.map(({ name, layout }) => {
      const inner = gradients.subarray(offsets[name], offsets[name] + innerElements(layout))
      return [name, fromInner(inner, layout)]
    })
    return Object.fromEntries(named)
  }
}
