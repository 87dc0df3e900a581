import { denseBackward, denseBackwardWeight, denseForward } from '../../src/ops/dense.js'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import type { Ceilings, DispatchCost, Rate } from '../results.js'
import { shapeOf, tilingsOf } from './cases.js'
import { scoped, type BenchContext } from './context.js'
import { dispatchCostOf } from './cost.js'
import { storageBuffer } from './launch.js'
import { SingleRun } from './single-run.js'
import { median, type Work } from './timing.js'

/** y = x, four vec4f an invocation. */
const COPY = /* wgsl */ `
@group(0) @binding(0) var<storage, read>       x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(256)
fn copy(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = 256 * groups.x;
  for (var i = id.x; i < arrayLength(&y); i += stride) { y[i] = x[i]; }
}`

/** One invocation that reads and writes one value: each dispatch waits for the one before. */
const EMPTY = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> x: array<u32>;

@compute @workgroup_size(1)
fn empty() { x[0] += 1; }`

const MEGABYTE = 2 ** 20

/** What the adapter can do at best, as this run sees it: the rates that a step is held against. */
export async function measureCeilings(bench: BenchContext): Promise<Ceilings> {
  const products: Rate[] = []
  for (const n of productSizes(bench)) products.push(...(await scoped(bench, () => productRates(bench, n))))
  const copy = await scoped(bench, () => copyRate(bench))
  const dispatch = await scoped(bench, () => dispatchCost(bench))
  const product = products.reduce((best, one) => (one.perSecond > best.perSecond ? one : best))
  return { product, products, copy, dispatch }
}

/** A software adapter takes half a second for the larger of its two. */
function productSizes({ options: { quick }, schedule: { isSoftware } }: BenchContext): number[] {
  if (isSoftware) return quick ? [256] : [512, 1024]
  return quick ? [1024] : [512, 1024, 2048]
}

/** Every dense kernel in every tiling at n × n × n, their outputs verified. */
async function productRates(bench: BenchContext, n: number): Promise<Rate[]> {
  const rates: Rate[] = []
  const all = products(n)
  // A software adapter would take a minute for the gradients at that size.
  const timed = bench.schedule.isSoftware && n > 512 ? all.slice(0, 1) : all
  for (const fixed of timed) {
    bench.progress(`ceiling: ${fixed.kernel} ${fixed.shape}`)
    const dispatches = [fixed, ...tilingsOf(fixed, bench.ability)]
    const run = await SingleRun.create(bench, dispatches, n)
    try {
      for (const [i, { kernel }] of dispatches.entries()) {
        const { state, detail } = await run.check(i)
        if (state !== 'verified') throw new Error(`${kernel} at ${n}³ is ${state}: ${detail}`)
      }
      const timings = await bench.timer.measure(run.works)
      for (const [i, timing] of timings.entries()) {
        const name = `${dispatches[i].kernel} ${shapeOf(dispatches[i])}`
        rates.push({ name, perSecond: fixed.flops / (timing.minMs / 1000), timing })
      }
    } finally {
      run.destroy()
    }
  }
  return rates
}

function products(n: number): Dispatch[] {
  const shape = { B: n, I: n, O: n }
  const tensor = (name: string, elements = n * n): PlanTensor => ({ name, elements, storage: 'activation', offset: 0 })
  const [x, w, y, dx, dw, dy] = ['x', 'w', 'y', 'dx', 'dw', 'dy'].map((name) => tensor(name))
  const [b, db] = [tensor('b', n), tensor('db', n)]
  return [
    denseForward({ x, w, b, y }, shape, 'linear'),
    denseBackward({ dy, x, w, dx, dw, db }, shape, 'linear'),
    denseBackwardWeight({ dy, x, dw, db }, shape),
  ]
}

/** Bytes read and bytes written both count, as in every GB/s of this benchmark. */
async function copyRate(bench: BenchContext): Promise<Rate> {
  const { device, isSoftware } = bench.schedule
  bench.progress('ceiling: copy')
  const wanted = (isSoftware ? (bench.options.quick ? 16 : 64) : 256) * MEGABYTE
  const size = Math.min(wanted, device.limits.maxStorageBufferBindingSize)
  const [x, y] = ['x', 'y'].map((name) => storageBuffer(bench, name, size))
  try {
    device.queue.writeBuffer(x, 0, new Float32Array(size / 4).fill(1))
    const groups = Math.min(size / 16 / 256 / 4, device.limits.maxComputeWorkgroupsPerDimension)
    const work = await workOf(device, 'copy', COPY, [x, y], groups)
    const [timing] = await bench.timer.measure([work])
    const name = `${size / MEGABYTE} MiB by a kernel, a vec4f at a time`
    return { name, perSecond: (2 * size) / (timing.minMs / 1000), timing }
  } finally {
    x.destroy()
    y.destroy()
  }
}

/** From passes of few and of many. */
async function dispatchCost(bench: BenchContext): Promise<DispatchCost> {
  const { device } = bench.schedule
  bench.progress('ceiling: empty dispatch')
  const buffer = storageBuffer(bench, 'empty', 16)
  try {
    const work = await workOf(device, 'empty', EMPTY, [buffer], 1)
    const many = (count: number) => (pass: GPUComputePassEncoder) => {
      for (let i = 0; i < count; i++) work(pass)
    }
    const [few, most] = bench.options.quick ? [50, 550] : [100, 2100]
    const [short, long, encoding]: number[][] = [[], [], []]
    for (let repetition = 0; repetition <= 7; repetition++) {
      const [shortMs, longMs] = [await bench.clock.time(many(few)), await bench.clock.time(many(most))]
      const encodingMs = encodeTime(device, many(most))
      await device.queue.onSubmittedWorkDone()
      if (repetition === 0) continue // it warms up
      short.push(shortMs)
      long.push(longMs)
      encoding.push(encodingMs)
    }
    return dispatchCostOf({ count: few, samplesMs: short }, { count: most, samplesMs: long }, median(encoding) / most)
  } finally {
    buffer.destroy()
  }
}

/** Milliseconds until the pass is handed to the queue. */
function encodeTime(device: GPUDevice, work: Work): number {
  const start = performance.now()
  const encoder = device.createCommandEncoder({ label: 'ceiling' })
  const pass = encoder.beginComputePass({ label: 'ceiling' })
  work(pass)
  pass.end()
  device.queue.submit([encoder.finish()])
  return performance.now() - start
}

/** Encodes as the engine does: pipeline, bind group and dispatch every time. */
async function workOf(
  device: GPUDevice,
  label: string,
  code: string,
  buffers: GPUBuffer[],
  groups: number,
): Promise<Work> {
  const module = device.createShaderModule({ label, code })
  const pipeline = await device.createComputePipelineAsync({ label, layout: 'auto', compute: { module } })
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
  const bindGroup = device.createBindGroup({ label, layout: pipeline.getBindGroupLayout(0), entries })
  return (pass) => {
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindGroup)
    pass.dispatchWorkgroups(groups)
  }
}
