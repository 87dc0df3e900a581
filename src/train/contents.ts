import type { Safetensors } from '../formats/safetensors.js'
import type { Arena } from '../model/memory.js'
import type { Network } from '../model/network.js'
import type { Content, ModelRuntime } from '../model/runtime.js'
import { momentsOf } from '../ops/update.js'
import type { TrainingState } from './state.js'
import { keptContent } from './stopping.js'

// What a file holds of a model besides its description, as it lies on the device: one list for saving it, and for
// copying it to the host and back.

/** What is kept besides the model's own content, by the names' beginning in the file. */
export const KEPT_PREFIXES = { best: 'best.', aside: 'training.' } as const

/** Some buffers, and what puts their words into a file. */
interface Part {
  buffers: GPUBuffer[]
  add(words: Float32Array, file: Safetensors): void
}

/** The buffers that hold a model and its training, in a fixed order. */
export function savedBuffers(runtime: ModelRuntime<Network>, state: TrainingState | undefined): GPUBuffer[] {
  return partsOf(runtime, state).flatMap(({ buffers }) => buffers)
}

/**
 * What they hold, by the names of the file; how often codes were used is metadata.
 * @param words of `savedBuffers`, one after another
 */
export function savedContents(
  runtime: ModelRuntime<Network>,
  state: TrainingState | undefined,
  words: Float32Array,
): Safetensors {
  const file: Safetensors = { tensors: {}, metadata: {} }
  let at = 0
  for (const { buffers, add } of partsOf(runtime, state)) {
    const count = buffers.reduce((sum, { size }) => sum + size / 4, 0)
    add(words.subarray(at, at + count), file)
    at += count
  }
  return file
}

/** Puts words back into `savedBuffers`. */
export function writeContents(
  runtime: ModelRuntime<Network>,
  state: TrainingState | undefined,
  words: Float32Array,
): void {
  let at = 0
  for (const buffer of savedBuffers(runtime, state)) {
    runtime.writeBuffer(buffer, 0, words.subarray(at, at + buffer.size / 4))
    at += buffer.size / 4
  }
  if (state?.stopping?.aside) runtime.copy('parameters', 'best') // the model holds the best
}

function partsOf(runtime: ModelRuntime<Network>, state: TrainingState | undefined): Part[] {
  const moments = state ? momentsOf(state.optimizer) : []
  const kept = state && keptContent(state)
  return [
    arenaPart(runtime, 'parameters', ''),
    ...moments.map((moment) => arenaPart(runtime, moment, `optimizer.${moment}.`)),
    ...codesPart(runtime, 'parameters', ''),
    ...(kept ? [arenaPart(runtime, kept, KEPT_PREFIXES[kept])] : []),
    ...(kept ? codesPart(runtime, kept, KEPT_PREFIXES[kept]) : []),
  ]
}

function arenaPart(runtime: ModelRuntime<Network>, arena: Arena, prefix: string): Part {
  const trained = arena === 'm' || arena === 'v'
  const add = (words: Float32Array, { tensors }: Safetensors) => {
    for (const [name, tensor] of Object.entries(runtime.named(words, { trained }))) tensors[prefix + name] = tensor
  }
  return { buffers: [runtime.buffer(arena)], add }
}

/** Of a model that has codes. */
function codesPart(runtime: ModelRuntime<Network>, of: Content, prefix: string): Part[] {
  const codebook = runtime.codebookOf(of)
  if (!codebook) return []
  const add = (words: Float32Array, { tensors, metadata }: Safetensors) => {
    const { epoch, previous } = codebook.usageFrom(words)
    const { count, mean } = codebook.averagesFrom(words)
    metadata[`elbo.${prefix}usage`] = JSON.stringify({ epoch: [...epoch], previous: [...previous] })
    tensors[`${prefix}codebook.count`] = { shape: [count.length], data: count }
    tensors[`${prefix}codebook.mean`] = { shape: [count.length, mean.length / count.length], data: mean }
  }
  return [{ buffers: codebook.ranges.map(({ buffer }) => buffer), add }]
}
