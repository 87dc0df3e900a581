import { clip, describe, isWhole } from '../checks.js'
import { FormatError, NumericError, SpecError } from '../errors.js'
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
import type { Network } from '../model/network.js'
import type { Content, ModelRuntime } from '../model/runtime.js'
import { momentsOf } from '../ops/update.js'
import type { Tensor } from '../tensor.js'
import { KEPT_PREFIXES, savedBuffers, savedContents } from './contents.js'
import { notFinite } from './culprit.js'
import { optimizerFrom } from './optimizers.js'
import type { Stopping, TrainingState } from './state.js'
import { keptContent } from './stopping.js'

const FORMAT = '1'

/** What a model is, apart from how it is trained. */
interface SavedContent {
  parameters: Record<string, Tensor>
  /** Of a vector-quantised model. */
  codebook?: CodeUsage & CodeAverages
}

/** A saved model, checked. */
export interface SavedModel extends SavedContent {
  model: Model
  seed: number
  /** Present when the file comes from a training run. */
  training?: {
    state: TrainingState
    moments: Partial<Record<'m' | 'v', Record<string, Tensor>>>
    /** Of early stopping: the best so far, or what training goes on from. */
    kept?: SavedContent
  }
}

/**
 * Parameters under PyTorch's names, and what training needs to go on bit for bit, as one `.safetensors` file.
 * All arenas are copied at one point of the queue, so they belong together even while training runs.
 * @param state what the parameters have seen at that point: of all that has been submitted.
 * @throws NumericError that names the tensor, when a value is not finite
 */
export async function saveModel(
  runtime: ModelRuntime,
  seed: number,
  state: TrainingState | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const known = state && { ...state } // of this moment: training goes on
  const buffers = savedBuffers(runtime, known)
  const ranges = buffers.map((buffer) => ({ buffer, offsetBytes: 0, sizeBytes: buffer.size }))
  const words = await runtime.readback(runtime.encoder('save'), ranges)
  const { tensors, metadata: codes } = savedContents(runtime, known, words)
  const bad = notFinite(tensors)
  if (bad) {
    const way = 'no file is written, for none could be loaded again. Load an earlier one, or set the parameters'
    throw new NumericError(`save: "${bad.name}" holds ${bad.value}; ${way}`, bad.name)
  }
  const metadata = { ...describeModel(runtime, seed, known), ...codes }
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
  const content = (prefix: string) => readContent(file, model, prefix)
  const seed = readWhole(readJson(metadata, 'elbo.seed'), '"elbo.seed" needs')
  const saved: SavedModel = { model, seed, ...content('') }
  if (metadata['elbo.training'] !== undefined) {
    const state = readState(metadata)
    const trained = specs.filter(({ buffer }) => !buffer)
    const moments = Object.fromEntries(
      momentsOf(state.optimizer).map((moment) => [moment, pick(tensors, trained, `optimizer.${moment}.`)]),
    )
    const kept = keptContent(state)
    saved.training = { state, moments, ...(kept && { kept: content(KEPT_PREFIXES[kept]) }) }
  }
  return saved
}

function readContent(file: Safetensors, model: Model, prefix: string): SavedContent {
  const parameters = pick(file.tensors, model.parameters(), prefix)
  const { codebook } = model.latent
  return codebook ? { parameters, codebook: readCodebook(file, codebook, prefix) } : { parameters }
}

/** How often the codes were used, and their moving averages. */
function readCodebook(
  { metadata, tensors }: Safetensors,
  { codes, size }: NonNullable<Latent['codebook']>,
  prefix: string,
): CodeUsage & CodeAverages {
  const shapes = [
    { name: 'codebook.count', shape: [codes] },
    { name: 'codebook.mean', shape: [codes, size] },
  ]
  const averages = pick(tensors, shapes, prefix)
  const key = `elbo.${prefix}usage`
  const usage = readJson(metadata, key) as Record<'epoch' | 'previous', number[]>
  const counts = (name: 'epoch' | 'previous') => {
    const list = usage?.[name]
    const fits = Array.isArray(list) && list.length === codes && list.every((times) => times >>> 0 === times)
    if (!fits) throw new FormatError(`"${key}" needs as "${name}" ${codes} whole numbers below 2^32`)
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
export function restoreModel(runtime: ModelRuntime<Network>, { parameters, codebook, training }: SavedModel): void {
  restoreContent(runtime, 'parameters', { parameters, codebook })
  if (!training) return
  const { state, moments, kept } = training
  for (const [moment, values] of Object.entries(moments)) runtime.write(moment as 'm' | 'v', values)
  if (!kept) return
  const aside = state.stopping!.aside
  restoreContent(runtime, aside ? 'aside' : 'best', kept)
  if (aside) runtime.copy('parameters', 'best')
}

function restoreContent(runtime: ModelRuntime<Network>, of: Content, { parameters, codebook }: SavedContent): void {
  runtime.write(of, parameters)
  if (!codebook) return
  runtime.codebookOf(of)!.writeUsage(codebook)
  runtime.codebookOf(of)!.writeAverages(codebook)
}

function describeModel(runtime: ModelRuntime, seed: number, state: TrainingState | undefined): Record<string, string> {
  const metadata: Record<string, string> = {
    'elbo.format': FORMAT,
    'elbo.spec': JSON.stringify(runtime.model.spec),
    'elbo.seed': JSON.stringify(seed),
  }
  if (state) {
    const { optimizer, step, epoch, cursor, labeledCursor, seed: trainingSeed } = state
    metadata['elbo.optimizer'] = JSON.stringify(optimizer)
    metadata['elbo.training'] = JSON.stringify({ step, epoch, cursor, labeledCursor, seed: trainingSeed })
    if (state.stopping) {
      const { measure, waited, best, aside } = state.stopping
      metadata['elbo.stopping'] = JSON.stringify({ measure, waited, best, aside })
    }
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
  const training = readJson(metadata, 'elbo.training')
  const counts = {
    ...readCounts(training, '"elbo.training"', ['step', 'epoch', 'cursor', 'seed']),
    ...((training as Partial<TrainingState> | null)?.labeledCursor !== undefined &&
      readCounts(training, '"elbo.training"', ['labeledCursor'])),
  }
  const stopping = metadata['elbo.stopping'] === undefined ? undefined : readStopping(readJson(metadata, 'elbo.stopping'))
  try {
    return { ...counts, optimizer: optimizerFrom(readJson(metadata, 'elbo.optimizer')), ...(stopping && { stopping }) }
  } catch (error) {
    if (error instanceof SpecError) throw new FormatError(`"elbo.optimizer": ${error.message}`, { cause: error })
    throw error
  }
}

function readStopping(value: unknown): Stopping {
  const { measure, aside, best } = (value ?? {}) as Partial<Record<keyof Stopping, unknown>>
  const { waited } = readCounts(value, '"elbo.stopping"', ['waited'])
  if (typeof measure !== 'string') throw new FormatError(`"elbo.stopping" needs as "measure" a text, got ${describe(measure)}`)
  if (typeof aside !== 'boolean' || (aside && best === undefined)) {
    throw new FormatError(`"elbo.stopping" needs as "aside" true or, without a best, false, got ${describe(aside)}`)
  }
  if (best === undefined) return { measure, waited, aside }
  const { loss } = (best ?? {}) as { loss?: unknown }
  if (!Number.isFinite(loss)) throw new FormatError(`"elbo.stopping" needs as "best.loss" a finite number, got ${describe(loss)}`)
  const counts = readCounts(best, '"elbo.stopping" as "best"', ['epoch', 'step'])
  return { measure, waited, best: { loss: loss as number, ...counts }, aside }
}

/** @throws FormatError unless the object has whole numbers from 0 on under these keys. */
function readCounts<Key extends string>(value: unknown, whose: string, keys: readonly Key[]): Record<Key, number> {
  const counts = keys.map((key) => [key, readWhole((value as Record<Key, unknown> | null)?.[key], `${whose} needs as "${key}"`)])
  return Object.fromEntries(counts) as Record<Key, number>
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
