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
import { pixelCnnFor, type PixelCnn } from '../model/prior/pixel-cnn.js'
import { readPriorSpec } from '../model/prior/prior-spec.js'
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
import { checkHasCodes } from './prior-options.js'
import type { Stopping, TrainingState } from './state.js'
import { keptContent } from './stopping.js'

const FORMAT = '1'

/** What a model is, apart from how it is trained. */
interface SavedContent {
  parameters: Record<string, Tensor>
  /** Of a vector-quantised model. */
  codebook?: CodeUsage & CodeAverages
}

/** What is known of a model or of its prior. */
interface SavedNetwork extends SavedContent {
  /** Present when the file comes from a training run. */
  training?: {
    state: TrainingState
    moments: Partial<Record<'m' | 'v', Record<string, Tensor>>>
    /** Of early stopping: the best so far, or what training goes on from. */
    kept?: SavedContent
  }
}

/** A saved model, checked. */
export interface SavedModel extends SavedNetwork {
  model: Model
  seed: number
  /** Of a vector-quantised model whose prior was trained. */
  prior?: SavedNetwork & { network: PixelCnn }
}

/** What is to be saved. */
export interface Saved<N extends Network = Network> {
  runtime: ModelRuntime<N>
  /** What the parameters have seen: of all that has been submitted. */
  state: TrainingState | undefined
}

/** Beginnings of the metadata's keys. */
const OF_MODEL = 'elbo.'
const OF_PRIOR = 'elbo.prior.'

/**
 * Parameters under PyTorch's names, and what training needs to go on bit for bit, as one `.safetensors` file.
 * All arenas are copied at one point of the queue, so they belong together even while training runs.
 * @param prior over its codes, where one was trained
 * @throws NumericError that names the tensor, when a value is not finite
 */
export async function saveModel(
  model: Saved<Model>,
  seed: number,
  prior?: Saved<PixelCnn>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { runtime } = model
  const parts = [model, ...(prior ? [prior] : [])].map(({ runtime: of, state }) => {
    const known = state && { ...state } // of this moment: training goes on
    return { of, known, buffers: savedBuffers(of, known) }
  })
  const buffers = parts.flatMap((part) => part.buffers)
  const ranges = buffers.map((buffer) => ({ buffer, offsetBytes: 0, sizeBytes: buffer.size }))
  const words = await runtime.readback(runtime.encoder('save'), ranges)
  let at = 0
  const contents = parts.map(({ of, known, buffers }) => {
    const count = buffers.reduce((sum, { size }) => sum + size / 4, 0)
    return savedContents(of, known, words.subarray(at, (at += count)))
  })
  const tensors = Object.assign({}, ...contents.map((content) => content.tensors)) as Record<string, Tensor>
  const bad = notFinite(tensors)
  if (bad) {
    const way = 'no file is written, for none could be loaded again. Load an earlier one, or set the parameters'
    throw new NumericError(`save: "${bad.name}" holds ${bad.value}; ${way}`, bad.name)
  }
  const [{ known }, ofPrior] = parts
  const metadata: Record<string, string> = {
    'elbo.format': FORMAT,
    'elbo.spec': JSON.stringify(runtime.model.spec),
    'elbo.seed': JSON.stringify(seed),
    ...describeTraining(known, OF_MODEL),
    ...contents[0].metadata,
    ...(prior && { 'elbo.prior': JSON.stringify(prior.runtime.model.prior) }),
    ...describeTraining(ofPrior?.known, OF_PRIOR),
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
  const { metadata } = file
  const format = metadata['elbo.format']
  if (format === undefined) throw new FormatError('not a saved model: its metadata has no "elbo.format"')
  if (format !== FORMAT) throw new FormatError(`the file's format is "${clip(format)}", this version reads "${FORMAT}"`)
  verifyChecksum(file)
  const model = readSpec(metadata['elbo.spec'])
  const seed = readWhole(readJson(metadata, 'elbo.seed'), '"elbo.seed" needs')
  const { codebook } = model.latent
  const saved = { model, seed, ...readNetwork(file, model, OF_MODEL, codebook) }
  if (metadata['elbo.prior'] === undefined) return saved
  const network = priorFor(model, readJson(metadata, 'elbo.prior'))
  const prior = { network, ...readNetwork(file, network, OF_PRIOR) }
  if (!prior.training) throw new FormatError('the file has a prior ("elbo.prior") without "elbo.prior.training"')
  return { ...saved, prior }
}

/** Parameters, and where training stood if there was any; its metadata have keys that begin with `of`. */
function readNetwork(file: Safetensors, network: Network, of: string, codebook?: Latent['codebook']): SavedNetwork {
  const { metadata, tensors } = file
  const specs = network.parameters()
  const content = (prefix: string): SavedContent => {
    const parameters = pick(tensors, specs, prefix)
    return codebook ? { parameters, codebook: readCodebook(file, codebook, prefix) } : { parameters }
  }
  const saved: SavedNetwork = content('')
  if (metadata[`${of}training`] === undefined) return saved
  const state = readState(metadata, of)
  const trained = specs.filter(({ buffer }) => !buffer)
  const moments = Object.fromEntries(
    momentsOf(state.optimizer).map((moment) => [moment, pick(tensors, trained, `optimizer.${moment}.`)]),
  )
  const kept = keptContent(state)
  return { ...saved, training: { state, moments, ...(kept && { kept: content(KEPT_PREFIXES[kept]) }) } }
}

/** The prior that a file describes. @throws FormatError */
function priorFor(model: Model, value: unknown): PixelCnn {
  try {
    checkHasCodes(model, 'a prior')
    return pixelCnnFor(model, readPriorSpec(value, '"elbo.prior"'))
  } catch (error) {
    if (error instanceof SpecError) throw new FormatError(`"elbo.prior": ${error.message}`, { cause: error })
    throw error
  }
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
export function restoreModel(runtime: ModelRuntime<Network>, { parameters, codebook, training }: SavedNetwork): void {
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

function describeTraining(state: TrainingState | undefined, of: string): Record<string, string> {
  if (!state) return {}
  const { optimizer, step, epoch, cursor, labeledCursor, seed, stopping } = state
  const metadata = {
    [`${of}optimizer`]: JSON.stringify(optimizer),
    [`${of}training`]: JSON.stringify({ step, epoch, cursor, labeledCursor, seed }),
  }
  if (!stopping) return metadata
  const { measure, waited, best, aside } = stopping
  return { ...metadata, [`${of}stopping`]: JSON.stringify({ measure, waited, best, aside }) }
}

function readSpec(text: string | undefined): Model {
  try {
    return checkSpec(parseJson(text ?? '', 'it'))
  } catch (error) {
    throw new FormatError(`"elbo.spec" is no specification: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

function readState(metadata: Record<string, string>, of: string): TrainingState {
  const key = `${of}training`
  const training = readJson(metadata, key)
  const counts = {
    ...readCounts(training, `"${key}"`, ['step', 'epoch', 'cursor', 'seed']),
    ...((training as Partial<TrainingState> | null)?.labeledCursor !== undefined &&
      readCounts(training, `"${key}"`, ['labeledCursor'])),
  }
  const stopping = metadata[`${of}stopping`] === undefined ? undefined : readStopping(metadata, `${of}stopping`)
  try {
    return { ...counts, optimizer: optimizerFrom(readJson(metadata, `${of}optimizer`)), ...(stopping && { stopping }) }
  } catch (error) {
    if (error instanceof SpecError) throw new FormatError(`"${of}optimizer": ${error.message}`, { cause: error })
    throw error
  }
}

function readStopping(metadata: Record<string, string>, key: string): Stopping {
  const value = readJson(metadata, key)
  const needs = (as: string, what: string, got: unknown) => {
    return new FormatError(`"${key}" needs as "${as}" ${what}, got ${describe(got)}`)
  }
  const { measure, aside, best } = (value ?? {}) as Partial<Record<keyof Stopping, unknown>>
  const { waited } = readCounts(value, `"${key}"`, ['waited'])
  if (typeof measure !== 'string') throw needs('measure', 'a text', measure)
  if (typeof aside !== 'boolean' || (aside && best === undefined)) {
    throw needs('aside', 'true or, without a best, false', aside)
  }
  if (best === undefined) return { measure, waited, aside }
  const { loss } = (best ?? {}) as { loss?: unknown }
  if (!Number.isFinite(loss)) throw needs('best.loss', 'a finite number', loss)
  const counts = readCounts(best, `"${key}" as "best"`, ['epoch', 'step'])
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
