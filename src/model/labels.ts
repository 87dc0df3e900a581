import { DataError, ShapeError } from '../errors.js'
import type { Model } from './model.js'

/** One class index an image. */
export type Labels = Uint8Array | Uint16Array | Uint32Array | Int32Array | readonly number[]

/** What a call on a conditional model carries besides its data. */
export interface LabelOptions {
  /** One class index a row; a conditional model needs them, any other takes none. */
  labels?: Labels
}

/**
 * The labels of a batch as words, or nothing for a model without classes.
 * @throws DataError when they are missing, not wanted, or outside the classes; ShapeError unless there is one per row
 */
export function labelRows(
  { classes }: Model,
  labels: Labels | undefined,
  rows: number,
): Uint32Array | undefined {
  if (!classes) {
    if (labels) throw new DataError('labels: given to a model without classes; leave them out')
    return undefined
  }
  if (!labels) {
    throw new DataError(`labels: the model is conditional, needs ${rows} labels from 0 to ${classes - 1}`)
  }
  if (labels.length !== rows) throw new ShapeError(`labels: has ${labels.length}, needs ${rows}, one per row`)
  checkLabels(labels, classes, 'labels')
  return Uint32Array.from(labels)
}

/** @throws DataError naming the first label outside the classes. */
export function checkLabels(labels: Labels, classes: number, what: string): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]
    if (Number.isInteger(label) && label >= 0 && label < classes) continue
    throw new DataError(`${what}: number ${i} is ${label}, needs a whole number from 0 to ${classes - 1}`)
  }
}
