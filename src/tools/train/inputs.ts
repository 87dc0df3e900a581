import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FormatError } from '../../errors.js'
import { presets } from '../../model/presets.js'
import { readModel, type SavedModel } from '../../train/file.js'
import { DATASET_NAMES, loadDataset, type LoadedDataset } from '../datasets.js'
import { UsageError } from './arguments.js'
import { parseHistory, type HistoryRow } from './history.js'
import type { PresetName } from './options.js'

/** A data set by name, or a folder's: CIFAR-10's where its test batch is there, else MNIST's four files. */
export async function loadData(data: string): Promise<LoadedDataset> {
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
  if (!existsSync(path)) throw new UsageError(`--resume: there is no file "${path}"`)
  const bytes = new Uint8Array(await readFile(path))
  const saved = naming(path, () => readModel(bytes))
  const spec = JSON.stringify(saved.model.spec)
  const names = Object.keys(presets) as PresetName[]
  const history = join(dirname(path), 'history.csv')
  const rows = existsSync(history) ? parseHistory(await readFile(history, 'utf8')) : []
  return {
    ...saved,
    bytes,
    preset: names.find((name) => JSON.stringify(presets[name]) === spec),
    rows: rows.filter(({ step }) => step <= (saved.training?.state.step ?? 0)),
  }
}

function naming<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof FormatError ? new FormatError(`${path}: ${cause.message}`, { cause }) : cause
  }
}
