import { clip, describe, isWhole } from '../checks.js'
import { FormatError, SpecError } from '../errors.js'
import {
  CHECKSUM_KEY,
  readSafetensors,
  tensorChecksum,
  verifyChecksum,
  writeSafetensors,
  type Safetensors,
} from '../formats/safetensors.js'
import { parseJson } from '../formats/json.js'
import { checkSpec } from '../model/check.js'
import type { ParameterSpec } from '../model/parameters.js'
import type { CodeAverages, CodeUsage } from '../model/codebook.js'
import type { Latent } from '../model/latents/latent.js'
import type { Model } from '../model/model.js'
import type { ModelRuntime } from '../model/runtime.js'
import { momentsOf } from '../ops/update.js'
import type { Tensor } from '../tensor.js'
import { optimizerFrom } from './optimizers.js'
import type { TrainingState } from './state.js'

const FORMAT = '1'

/** A saved model, checked. */
export interface SavedModel {
  model: Model
  seed: number
  parameters: Record<string, Tensor>
  /** Of a vector-quantised model. */
  codebook?: CodeUsage & CodeAverages
  /** Present when the file comes from a training run. */
  training?: { state: TrainingState; moments: Partial<Record<'m' | 'v', Record<string, Tensor>>> }
}

/**
 * Parameters under PyTorch's names, and what training needs to go on bit for bit, as one `.safetensors` file.
 * All arenas are copied at one point of the queue, so they belong together even while training runs.
 * @param state what the parameters have seen at that point: of all that has been submitted.
 */
export async function saveModel(
  runtime: ModelRuntime,
  seed: number,
  state: TrainingState | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const arenas = ['parameters', ...(state ? momentsOf(state.optimizer) : [])] as const
  const ranges = arenas.map((arena) => {
    const buffer = runtime.buffer(arena)
    return { buffer, offsetBytes: 0, sizeBytes: buffer.size }
  })
  const { codebook } = runtime
  const data = await runtime.readback(runtime.encoder('save'), [...ranges, ...(codebook?.ranges ?? [])])
  const { elements } = runtime.arena.placement
  const tensors: Record<string, Tensor> = {}
  arenas.forEach((arena, i) => {
    const trained = arena !== 'parameters'
    const named = runtime.named(data.subarray(i * elements, (i + 1) * elements), { trained })
    const prefix = arena === 'parameters' ? '' : `optimizer.${arena}.`
    for (const [name, tensor] of Object.entries(named)) tensors[prefix + name] = tensor
  })
  const metadata = describeModel(runtime, seed, state)
  if (codebook) {
    const words = data.subarray(arenas.length * elements)
    const { epoch, previous } = codebook.usageFrom(words)
    const { count, mean } = codebook.averagesFrom(words)
    metadata['elbo.usage'] = JSON.stringify({ epoch: [...epoch], previous: [...previous] })
    tensors['codebook.count'] = { shape: [count.length], data: count }
    tensors['codebook.mean'] = { shape: [count.length, mean.length / count.length], data: mean }
  }
  metadata[CHECKSUM_KEY] = tensorChecksum(tensors, metadata)
  return writeSafetensors(tensors, metadata)
}

/**
 * Reads a saved model.
 * @throws FormatError when the file is truncated, altered, not from here, or of another model.
 */
export function readModel(bytes: Uint8Array): SavedModel {
  const file = readSafetensors(bytes)
  const { metadata, tensors } = file
  const format = metadata['elbo.format']
  if (format === undefined) throw new FormatError('not a saved model: its metadata has no "elbo.format"')
  if (format !== FORMAT) throw new FormatError(`the file's format is "${clip(format)}", this version reads "${FORMAT}"`)
  verifyChecksum(file)
  const model = readSpec(metadata['elbo.spec'])
  const specs = model.parameters()
  const parameters = pick(tensors, specs, '')
  const seed = readWhole(readJson(metadata, 'elbo.seed'), '"elbo.seed" needs')
  const saved: SavedModel = { model, seed, parameters }
  if (metadata['elbo.training'] !== undefined) {
    const state = readState(metadata)
    const trained = specs.filter(({ buffer }) => !buffer)
    const moments = Object.fromEntries(
      momentsOf(state.optimizer).map((moment) => [moment, pick(tensors, trained, `optimizer.${moment}.`)]),
    )
    saved.training = { state, moments }
  }
  if (model.latent.codebook) saved.codebook = readCodebook(file, model.latent.codebook)
  return saved
}

/** How often the codes were used, and their moving averages. */
function readCodebook(
  { metadata, tensors }: Safetensors,
  { codes, size }: NonNullable<Latent['codebook']>,
): CodeUsage & CodeAverages {
  const shapes = [
    { name: 'codebook.count', shape: [codes] },
    { name: 'codebook.mean', shape: [codes, size] },
  ]
  const averages = pick(tensors, shapes, '')
  const usage = readJson(metadata, 'elbo.usage') as Record<'epoch' | 'previous', number[]>
  const counts = (name: 'epoch' | 'previous') => {
    const list = usage?.[name]
    const fits = Array.isArray(list) && list.length === codes && list.every((times) => times >>> 0 === times)
    if (!fits) throw new FormatError(`"elbo.usage" needs as "${name}" ${codes} whole numbers below 2^32`)
    return Uint32Array.from(list)
  }
  return {
    epoch: counts('epoch'),
    previous: counts('previous'),
    count: averages['codebook.count'].data,
    mean: averages['codebook.mean'].data,
  }
}

/** Puts what was read onto the device. */
export function restoreModel(runtime: ModelRuntime, { parameters, training, codebook }: SavedModel): void {
  runtime.write('parameters', parameters)
  if (codebook) {
    runtime.codebook!.writeUsage(codebook)
    runtime.codebook!.writeAverages(codebook)
  }
  for (const [moment, values] of Object.entries(training?.moments ?? {})) runtime.write(moment as 'm' | 'v', values)
}

function describeModel(runtime: ModelRuntime, seed: number, state: TrainingState | undefined): Record<string, string> {
  const metadata: Record<string, string> = {
    'elbo.format': FORMAT,
    'elbo.spec': JSON.stringify(runtime.model.spec),
    'elbo.seed': JSON.stringify(seed),
  }
  if (state) {
    const { optimizer, step, epoch, cursor, seed: trainingSeed } = state
    metadata['elbo.optimizer'] = JSON.stringify(optimizer)
    metadata['elbo.training'] = JSON.stringify({ step, epoch, cursor, seed: trainingSeed })
  }
  return metadata
}

function readSpec(text: string | undefined): Model {
  try {
    return checkSpec(parseJson(text ?? '', 'it'))
  } catch (error) {
    throw new FormatError(`"elbo.spec" is no specification: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

function readState(metadata: Record<string, string>): TrainingState {
  const state = readJson(metadata, 'elbo.training') as TrainingState
  for (const key of ['step', 'epoch', 'cursor', 'seed'] as const) {
    readWhole(state?.[key], `"elbo.training" needs as "${key}"`)
  }
  try {
    return { ...state, optimizer: optimizerFrom(readJson(metadata, 'elbo.optimizer')) }
  } catch (error) {
    if (error instanceof SpecError) throw new FormatError(`"elbo.optimizer": ${error.message}`, { cause: error })
    throw error
  }
}

function readJson(metadata: Record<string, string>, key: string): unknown {
  return parseJson(metadata[key] ?? '', `the metadata's "${key}"`)
}

/** @throws FormatError unless the value is a whole number from 0 on. */
function readWhole(value: unknown, needs: string): number {
  if (isWhole(value)) return value
  throw new FormatError(`${needs} a whole number from 0 on, got ${describe(value)}`)
}

/** Means of squares and counts: the roots of what an altered file puts there would be NaN. */
const NEVER_NEGATIVE = /^optimizer\.v\.|\.running_var$|codebook\.count$/

/** The tensors of the parameters under a prefix, which is cut off; their shapes must be as specified, values finite. */
function pick(
  tensors: Record<string, Tensor>,
  specs: readonly Pick<ParameterSpec, 'name' | 'shape'>[],
  prefix: string,
): Record<string, Tensor> {
  return Object.fromEntries(
    specs.map(({ name, shape }) => {
      const tensor = tensors[prefix + name]
      if (!tensor) throw new FormatError(`the file has no "${prefix}${name}", which its specification needs`)
      if (String(tensor.shape) !== String(shape)) {
        throw new FormatError(`"${prefix}${name}" is [${clip(String(tensor.shape))}], its specification needs [${shape}]`)
      }
      const least = NEVER_NEGATIVE.test(prefix + name) ? 0 : -Infinity
      const bad = tensor.data.find((value) => !Number.isFinite(value) || value < least)
      if (bad === undefined) return [name, tensor]
      const needed = least === 0 ? 'finite numbers from 0 on' : 'finite numbers'
      throw new FormatError(`"${prefix}${name}" holds ${bad}, needs ${needed}`)
    }),
  )
}
