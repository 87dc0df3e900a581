import { pipelinesOf } from '../../src/kernels/pipelines.js'
import type { Dispatch, PlanTensor } from '../../src/ops/dispatch.js'
import { Launch } from '../../src/schedule/launch.js'
import { paramsBuffer } from '../../src/schedule/params.js'
import { StepUniform, type StepValues } from '../../src/schedule/step.js'
import { downloadFloats, upload } from '../harness/gpu.js'

type Words = Float32Array | Uint32Array

/** What a kernel is run on: initial values, or for a tensor that it must write whole only the number of elements. */
export type Contents = Record<string, Words | number>

/** Words before and after every tensor; as f32 they are NaN, so that what reads them shows. */
const GUARD_WORDS = 64
const GUARD = 0x7fc0dead

const uniforms = new WeakMap<GPUDevice, StepUniform>()

export const DEFAULT_STEP: StepValues = {
  batch: 0,
  slot: 0,
  cursor: 0,
  row: 0,
  counter: 0,
  seed: [0, 0],
  scale: 1,
  klWeight: 1,
  rate: 0,
  rootScale: 1,
  keep: 1,
}

/** Tensors by the names of their contents, for the operation that makes the dispatch. */
export function tensorsOf<T extends Contents>(contents: T): Record<keyof T, PlanTensor> {
  const entries = Object.entries(contents).map(([name, value]) => {
    const elements = typeof value === 'number' ? value : value.length
    return [name, { name, elements, storage: name, offset: GUARD_WORDS }]
  })
  return Object.fromEntries(entries) as Record<keyof T, PlanTensor>
}

/** A dispatch and the other tilings of it that need no optional feature. */
export function tilingsOf(dispatch: Dispatch): Dispatch[] {
  const others = (dispatch.tilings ?? []).filter(({ requires }) => !requires)
  return [dispatch, ...others.map((tiling) => ({ ...dispatch, ...tiling }))]
}

/**
 * Runs dispatches in order on tensors of their own, and returns what every tensor holds afterwards.
 * @throws when a word before or after a tensor has changed. The words after it lie inside the binding, so that WebGPU's
 *   own bounds checks cannot hide a write past the end.
 */
export async function runKernels<T extends Contents>(
  device: GPUDevice,
  contents: T,
  dispatches: (tensors: Record<keyof T, PlanTensor>) => Dispatch | Dispatch[],
  step: Partial<StepValues> = {},
): Promise<Record<keyof T, Float32Array>> {
  const [pipelines, uniform] = [pipelinesOf(device), uniformOf(device)]
  const list = [dispatches(tensorsOf(contents))].flat().map(withGuards)
  const compiled = await Promise.all(list.map(({ kernel, constants }) => pipelines.get(kernel, constants)))
  const storages: Record<string, GPUBuffer> = {}
  for (const [name, value] of Object.entries(contents)) storages[name] = upload(device, guarded(value), undefined, name)
  const params = paramsBuffer(device, list)
  const memory = { buffers: new Map<PlanTensor, GPUBuffer>(), storages, uniform, params }
  const launches = list.map((dispatch, i) => new Launch(device, dispatch, i, compiled[i], memory))
  uniform.set(0, { ...DEFAULT_STEP, ...step })
  uniform.upload(1)
  const encoder = device.createCommandEncoder({ label: 'test' })
  const pass = encoder.beginComputePass({ label: 'test' })
  for (const launch of launches) launch.encode(pass, 0)
  pass.end()
  device.queue.submit([encoder.finish()])
  params.destroy()
  const results = await Promise.all(
    Object.entries(storages).map(async ([name, buffer]) => {
      const words = new Uint32Array((await downloadFloats(device, buffer)).buffer)
      buffer.destroy()
      checkGuards(words, name)
      return [name, new Float32Array(words.slice(GUARD_WORDS, words.length - GUARD_WORDS).buffer)]
    }),
  )
  return Object.fromEntries(results) as Record<keyof T, Float32Array>
}

/** Runs one dispatch in every tiling that it offers, each on tensors of its own. */
export async function runTilings<T extends Contents>(
  device: GPUDevice,
  contents: T,
  dispatch: (tensors: Record<keyof T, PlanTensor>) => Dispatch,
  step: Partial<StepValues> = {},
): Promise<Record<keyof T, Float32Array>[]> {
  const { length } = tilingsOf(dispatch(tensorsOf(contents)))
  const results = []
  for (let i = 0; i < length; i++) {
    results.push(await runKernels(device, contents, (tensors) => tilingsOf(dispatch(tensors))[i], step))
  }
  return results
}

/** The bits of what `runKernels` returned. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}

function uniformOf(device: GPUDevice): StepUniform {
  let known = uniforms.get(device)
  if (!known) uniforms.set(device, (known = new StepUniform(device)))
  return known
}

function withGuards(dispatch: Dispatch): Dispatch {
  const wider = (tensor: PlanTensor): PlanTensor => ({ ...tensor, elements: tensor.elements + GUARD_WORDS })
  const bindings = Object.entries(dispatch.bindings).map(([name, tensor]) => [name, wider(tensor)])
  return { ...dispatch, bindings: Object.fromEntries(bindings) }
}

/** Guard, values, guard; a tensor without values starts as NaN all through. */
function guarded(value: Words | number): Uint32Array {
  const elements = typeof value === 'number' ? value : value.length
  const words = new Uint32Array(elements + 2 * GUARD_WORDS).fill(GUARD)
  if (typeof value !== 'number') words.set(new Uint32Array(value.buffer, value.byteOffset, elements), GUARD_WORDS)
  return words
}

function checkGuards(words: Uint32Array, name: string): void {
  const end = words.length - GUARD_WORDS
  for (let i = 0; i < words.length; i++) {
    if (i === GUARD_WORDS) i = end
    if (words[i] === GUARD) continue
    const where = i < GUARD_WORDS ? `${GUARD_WORDS - i} words before its start` : `${i - end + 1} words past its end`
    throw new Error(`"${name}" was written ${where}: 0x${words[i].toString(16)}`)
  }
}
