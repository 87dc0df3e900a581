import { DataError, ShapeError } from '../errors.js'
import { UNLABELED } from '../labels.js'
import type { Model } from './model.js'
import type { Network } from './network.js'

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
  { classes }: Pick<Network, 'classes'>,
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

/**
 * The labels of a batch of which the loss is taken. Of a model with a classifier any may be unknown, and all are where
 * none are given.
 * @throws DataError, ShapeError as `labelRows`
 */
export function lossLabelRows(model: Model, labels: Labels | undefined, rows: number): Uint32Array | undefined {
  if (!model.hasClassifier) return labelRows(model, labels, rows)
  if (!labels) return new Uint32Array(rows).fill(UNLABELED)
  if (labels.length !== rows) throw new ShapeError(`labels: has ${labels.length}, needs ${rows}, one a row`)
  checkLossLabels(labels, model, 'labels')
  return Uint32Array.from(labels)
}

/** @throws DataError naming the first label that is neither a class nor, of a model with a classifier, unknown. */
export function checkLossLabels(labels: Labels, { classes, hasClassifier }: Model, what: string): void {
  checkLabels(labels, classes!, what, hasClassifier)
}

/** @throws DataError naming the first label outside the classes, where it may not be unknown either. */
export function checkLabels(labels: Labels, classes: number, what: string, mayBeUnknown = false): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]
    if (Number.isInteger(label) && label >= 0 && label < classes) continue
    if (mayBeUnknown && label === UNLABELED) continue
    const range = `needs a whole number from 0 to ${classes - 1}`
    const unknown = mayBeUnknown
      ? `, or ${UNLABELED} where it is not known`
      : label === UNLABELED ? ': only training and losses of a model with a classifier take unknown ones' : ''
    throw new DataError(`${what}: number ${i} is ${label}, ${range}${unknown}`)
  }
}
