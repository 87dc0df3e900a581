import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

interface ConditionShape {
  /** Rows. */
  B: number
  /** Pixels; 1 for a vector. */
  P: number
  /** Channels before the label. */
  C: number
  /** Classes. */
  K: number
  /** Rows per image, 1 unless given: row n of a batch has the label of image ⌊n / samples⌋. */
  samples?: number
  /** Stacked batches that the rows are of, which have the same labels; 1 unless given. */
  batches?: number
  /** Rows of y per row of x, 1 unless given. */
  repeat?: number
}

/** Whose label a row has: its image's, its class out of every one in turn, or none. */
export type RowLabels = PlanTensor | 'every' | 'none'

/** y = x with the one-hot label after the channels of every pixel; a vector is one pixel. */
export function conditionForward(
  { x, labels, y }: { x: PlanTensor; labels: RowLabels; y: PlanTensor },
  { B, P, C, K, samples = 1, batches = 1, repeat = 1 }: ConditionShape,
): Dispatch {
  const mode = labels === 'every' ? 1 : labels === 'none' ? 2 : 0
  return {
    kernel: 'condition_forward',
    constants: { B, SAMPLES: samples, ROWS: B / batches, REPEAT: repeat, LABELS: mode, P, C, K },
    bindings: { x, labels: typeof labels === 'string' ? x : labels, y },
    grid: [padTo4(P * (C + K)), B, 1],
    shape: `B${B} ${P}x${C}+${K}`,
    flops: 0,
  }
}

/** dx = dy without the label's channels. */
export function conditionBackward(t: { dy: PlanTensor; dx: PlanTensor }, { B, P, C, K }: ConditionShape): Dispatch {
  return {
    kernel: 'condition_backward',
    constants: { B, P, C, K },
    bindings: { dy: t.dy, dx: t.dx },
    grid: [padTo4(P * C), B, 1],
    shape: `B${B} ${P}x${C}+${K}`,
    flops: 0,
  }
}

/** y = labels[order[cursor + n]] out of a set's bytes. */
export function labelGather(
  t: { labels: PlanTensor; order: PlanTensor; y: PlanTensor },
  { B }: { B: number },
): Dispatch {
  return {
    kernel: 'label_gather',
    constants: { B },
    bindings: { labels: t.labels, order: t.order, y: t.y },
    grid: [B, 1, 1],
    shape: `B${B}`,
    flops: 0,
  }
}
