import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { SpecError } from '../../errors.js'
import { checkSpec } from '../../model/check.js'
import { presets } from '../../model/presets.js'
import type { VaeSpec } from '../../model/spec.js'
import { readModel, type SavedModel } from '../../train/file.js'
import { UsageError } from '../arguments.mjs'
import { DATASET_NAMES, loadDataset, type AnyDataset, type LoadedDataset } from '../datasets.js'
import { ownData, ownPixels } from '../own-data.js'
import { CommandError, naming, readWith } from './failure.js'
import { parseHistory, type HistoryRow } from './history.js'
import type { PresetName } from './options.js'

/** The preset's name where a specification is one. */
export function presetOf(spec: VaeSpec): PresetName | undefined {
  const text = JSON.stringify(spec)
  const names = Object.keys(presets) as PresetName[]
  return names.find((name) => JSON.stringify(presets[name]) === text)
}

/**
 * A specification from a JSON file. @throws CommandError with the line and column where it is no JSON, with the path in
 * the specification where it is no model
 */
export async function readSpec(path: string): Promise<VaeSpec> {
  const text = new TextDecoder().decode(await readBytes('spec', path))
  try {
    return checkSpec(parseJson(text)).spec
  } catch (cause) {
    if (!(cause instanceof SpecError || cause instanceof SyntaxError)) throw cause
    throw new CommandError(`${path}: ${cause.message}`, { cause })
  }
}

/** @throws SyntaxError that says where in plain words; engines' own messages differ, and some say no place */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const { message } = cause as SyntaxError
    const offset = /position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.length : undefined)
    const before = text.slice(0, Number(offset)).split('\n')
    const place = offset === undefined ? '' : ` at line ${before.length}, column ${before.at(-1)!.length + 1}`
    throw new SyntaxError(`is no JSON${place}: ${message}`, { cause })
  }
}

/**
 * A data set by name, arrays, tables and pictures of the user's own, or a folder's: CIFAR-10's where its test batch is
 * there, else MNIST's four files.
 */
export async function loadData(data: string): Promise<LoadedDataset> {
  return (await ownPixels(data)) ?? loadKnown(data)
}

/** `loadData` for a model: with a Gaussian likelihood any finite number is a pixel, and is kept as it is. */
export async function loadDataFor({ likelihood }: Pick<VaeSpec, 'likelihood'>, data: string): Promise<AnyDataset> {
  return likelihood.type === 'gaussian' ? ((await ownData(data)) ?? loadKnown(data)) : loadData(data)
}

async function loadKnown(data: string): Promise<LoadedDataset> {
  if (DATASET_NAMES.includes(data)) return loadDataset(data)
  if (!existsSync(data) || !statSync(data).isDirectory()) {
    throw new UsageError(`--data: "${data}" is no folder, and no data set: there are ${DATASET_NAMES.join(', ')}`)
  }
  const isCifar = ['test_batch.bin', 'test_batch.bin.gz'].some((name) => existsSync(join(data, name)))
  const loaded = await loadDataset(isCifar ? 'cifar10' : 'mnist', { data })
  return { ...loaded, name: basename(resolve(data)) }
}

/** A saved model to go on from. */
export interface Resumed extends SavedModel {
  bytes: Uint8Array
  preset: PresetName | undefined
  /** What its run reported up to where the model was saved. */
  rows: HistoryRow[]
}

/** @throws UsageError when there is no such file, FormatError when it is no saved model or its history is none */
export async function readResumed(path: string): Promise<Resumed> {
  const bytes = await readBytes('resume', path)
  const saved = naming(path, () => readModel(bytes))
  const history = join(dirname(path), 'history.csv')
  const text = existsSync(history) ? new TextDecoder().decode(await readBytes('resume', history)) : undefined
  const rows = text === undefined ? [] : naming(dirname(path), () => parseHistory(text))
  return {
    ...saved,
    bytes,
    preset: presetOf(saved.model.spec),
    rows: rows.filter(({ step }) => step <= (saved.training?.state.step ?? 0)),
  }
}

/** A model on whose codes to train. */
export interface Coder {
  bytes: Uint8Array
  /** Values of a code. */
  size: number
  spec: VaeSpec
}

/** @throws UsageError when there is no such file, or no model with codes */
export async function readCodesModel(path: string): Promise<Coder> {
  const bytes = await readBytes('codes', path)
  const { spec } = naming(path, () => readModel(bytes)).model
  if (spec.latent.type !== 'gaussian' && spec.latent.type !== 'deterministic') {
    throw new UsageError(`--codes: a ${spec.latent.type} latent has no vector of codes; take a model with a Gaussian one`)
  }
  if (spec.classes) throw new UsageError('--codes: the model is conditional: its codes need labels')
  return { bytes, size: spec.latent.size, spec }
}

/** @throws UsageError where there is no such file, CommandError where it cannot be read */
async function readBytes(option: string, path: string): Promise<Uint8Array> {
  if (!existsSync(path)) throw new UsageError(`--${option}: there is no file "${path}"`)
  return readWith(path, (bytes) => new Uint8Array(bytes))
}
