import { activationCode, activationSlope, type Activation } from './activation.js'
import { padTo4, type Dispatch, type PlanTensor } from './dispatch.js'

/**
 * Rows of P pixels of C channels, channels fastest, each row padded with zeros to whole vectors: x is (B, P4(P·C)).
 * Vectors are one pixel, each feature a channel, also where they are flattened images.
 */
export interface BatchNormShape {
  /** Rows, of which the step's batch · samples take part in the statistics. */
  B: number
  /** Pixels of a row; 1 for a vector. */
  P: number
  /** Channels, or features of a vector. */
  C: number
  /** Rows per image, 1 unless given. */
  samples?: number
  /** Stacked batches that the rows are of, each normalised by statistics of its own; 1 unless given. */
  batches?: number
  /** Elements from the statistics of one batch to those of the next. */
  apart?: number
}

/** What becomes of the gradients of scale and shift: a frozen layer leaves them alone, a layer's second use adds. */
export type ParameterGradients = 'none' | 'write' | 'add'

const MOST_INVOCATIONS = 65535 * 64

/**
 * Vectors between which an invocation shares its channels' values. On SwiftShader `batch_norm_forward` at 104 × 64 × 64 took
 * 14 ms with one, 3.4 with 8, 2.8 with 32; GPUs want many invocations.
 */
const VECTORS_PER_INVOCATION = 8

/** Elements of the statistics of C channels: mean, then variance, each padded to whole vectors. */
export function statisticsWidth(C: number): number {
  return 2 * padTo4(C)
}

/**
 * statistics (2, P4(C)) = mean and unbiased variance of every channel over the rows of a batch and their pixels: what
 * `batchNormForward` normalises by and `batchNormRunning` moves the running ones by. A single value has variance 0.
 * Those of stacked batches lie `apart`.
 */
export function batchNormStatistics(
  t: { x: PlanTensor; statistics: PlanTensor; status: PlanTensor },
  shape: BatchNormShape,
): Dispatch {
  const { rows, batches, apart } = stackOf(shape)
  return {
    ...channelLanes('batch_norm_statistics', { WHOLE: isWhole(shape) }, shape, batches),
    params: { ...sizesOf(shape), ROWS: rows, APART: apart },
    bindings: { x: t.x, statistics: t.statistics, status: t.status },
  }
}

/**
 * y = act((x − mean) / √(variance + 1e-5) · w + b). `statistics` is what `batchNormStatistics` left of this step
 * (`'batch'`), or the running mean and variance, one after the other, `[2, P4(C)]` (`'running'`).
 */
export function batchNormForward(
  t: { x: PlanTensor; statistics: PlanTensor; w: PlanTensor; b: PlanTensor; y: PlanTensor },
  shape: BatchNormShape,
  activation: Activation,
  from: 'batch' | 'running',
): Dispatch {
  const APART = from === 'batch' ? stackOf(shape).apart : 0
  return {
    ...channelStrides('batch_norm_forward', shape, { SLOPE: activationSlope(activation), APART }),
    constants: { BATCH: Number(from === 'batch'), ACTIVATION: activationCode(activation) },
    bindings: { x: t.x, statistics: t.statistics, w: t.w, b: t.b, y: t.y },
  }
}

/**
 * The sums that `batchNormBackwardInput` needs, `sums` (batches, 2, P4(C)) = Σ dy and Σ dy · (x − mean) / √(variance +
 * 1e-5); dy is the gradient with respect to the value before the activation. Added up over batches they are the
 * gradients of shift and scale, too: `db` and `dw` (P4(C)) are needed unless these are `'none'`.
 */
export function batchNormBackwardWeight(
  t: { dy: PlanTensor; x: PlanTensor; statistics: PlanTensor; sums: PlanTensor; dw?: PlanTensor; db?: PlanTensor },
  shape: BatchNormShape,
  gradients: ParameterGradients,
): Dispatch {
  const GRADIENTS = { none: 0, write: 1, add: 2 }[gradients]
  const { dw = unused('dw'), db = unused('db') } = t
  const { rows, batches, apart } = stackOf(shape)
  return {
    ...channelLanes('batch_norm_backward_weight', { WHOLE: isWhole(shape), GRADIENTS }, shape, 1),
    params: { ...sizesOf(shape), BATCHES: batches, ROWS: rows, APART: apart },
    bindings: { dy: t.dy, x: t.x, statistics: t.statistics, sums: t.sums, dw, db },
  }
}

/**
 * dx = w / √(variance + 1e-5) · (dy − mean of dy − x̂ · mean of dy · x̂) · act'(x), act being that of x; after
 * `batchNormBackwardWeight`, which leaves `sums`. With `add` dx = (dx + …) · act'(x) in place: what it holds is the
 * gradient by the other readers of x, without that activation's derivative. 0 in the rows after the batch.
 */
export function batchNormBackwardInput(
  t: { dy: PlanTensor; x: PlanTensor; statistics: PlanTensor; w: PlanTensor; sums: PlanTensor; dx: PlanTensor },
  shape: BatchNormShape,
  activationX: Activation,
  { add = false }: { add?: boolean } = {},
): Dispatch {
  return {
    ...channelStrides('batch_norm_backward_input', shape, {
      SLOPE_X: activationSlope(activationX),
      APART: stackOf(shape).apart,
    }),
    constants: { ADD: Number(add), ACTIVATION_X: activationCode(activationX) },
    bindings: { dy: t.dy, x: t.x, statistics: t.statistics, w: t.w, sums: t.sums, dx: t.dx },
  }
}

/** What a use of layers moves: a part of the running statistics, in elements, both multiples of 4. */
export interface StatisticsRange {
  /** The use, whose statistics lie at `use` · N. */
  use: number
  first: number
  count: number
}

/**
 * running = 0.9 · running + 0.1 · batch[u] for one use u of a layer after another, of all layers in one dispatch;
 * nothing moves once `status` is set. `running` is a contiguous range of N elements in which every layer has `[2, P4(C)]`
 * values, mean then variance; `batch` (3, N) has the statistics of that layer's use u at u · N and the same place.
 * @param uses in the order in which they move: at most three, each of a contiguous part of the range
 */
export function batchNormRunning(
  t: { batch: PlanTensor; running: PlanTensor; status: PlanTensor },
  uses: readonly StatisticsRange[],
): Dispatch {
  const N4 = t.running.elements / 4
  const range = (k: number) => {
    const { use, first, count } = uses[k] ?? { use: 0, first: 0, count: 0 }
    return { [`USE_${k}`]: use, [`FIRST_${k}`]: first / 4, [`END_${k}`]: (first + count) / 4 }
  }
  return {
    kernel: 'batch_norm_running',
    constants: {},
    params: { N4, ...range(0), ...range(1), ...range(2) },
    bindings: { batch: t.batch, running: t.running, status: t.status },
    grid: [Math.min(N4, MOST_INVOCATIONS), 1, 1],
    shape: `N${t.running.elements} x${uses.length}`,
    flops: 0,
  }
}

/** Lanes that share the sums of four channels: few where barriers are dear, up to a whole workgroup on GPUs. */
function channelLanes(
  kernel: string,
  constants: Record<string, number>,
  shape: BatchNormShape,
  groups: number,
): Omit<Dispatch, 'bindings' | 'params'> {
  const { P, C } = shape
  const most = 2 ** Math.ceil(Math.log2(stackOf(shape).rows * P))
  const tiling = (LANES: number) => ({
    kernel,
    constants: { ...constants, LANES },
    grid: [LANES, padTo4(C) / 4, groups] as [number, number, number],
  })
  const more = [64, 256].filter((lanes) => lanes <= most)
  return {
    ...tiling(Math.min(most, 8)),
    tilings: more.map((lanes) => ({ ...tiling(lanes), variant: `${lanes} lanes` })),
    shape: describe(shape),
    flops: 0,
  }
}

/** Every invocation keeps to the same channels, whose values it loads once: strides are multiples of their period. */
function channelStrides(
  kernel: string,
  shape: BatchNormShape,
  params: Record<string, number>,
): Omit<Dispatch, 'constants' | 'bindings'> {
  const { P, C } = shape
  const { rows, batches } = stackOf(shape)
  const COUNT = (rows * padTo4(P * C)) / 4
  const period = isWhole(shape) ? padTo4(C) / 4 : padTo4(P * C) / 4
  const most = Math.floor(MOST_INVOCATIONS / period)
  const STRIDE = period * Math.min(Math.ceil(COUNT / period / VECTORS_PER_INVOCATION), most)
  return {
    kernel,
    params: { COUNT, STRIDE, ...sizesOf(shape), ...params },
    grid: [STRIDE, batches, 1],
    shape: describe(shape),
    flops: 0,
  }
}

function isWhole({ P, C }: BatchNormShape): number {
  return Number(P === 1 || C % 4 === 0)
}

function unused(name: string): PlanTensor {
  return { name: `unused.${name}`, elements: 4, storage: 'activation', offset: 0 }
}

/** Rows of a batch, how many batches there are, and how far apart their statistics lie. */
function stackOf({ B, batches = 1, apart = 0 }: BatchNormShape): { rows: number; batches: number; apart: number } {
  return { rows: B / batches, batches, apart }
}

function sizesOf({ P, C, samples = 1 }: BatchNormShape): Record<string, number> {
  return { P, C, SAMPLES: samples }
}

function describe({ B, P, C, batches = 1 }: BatchNormShape): string {
  return `B${B}${batches > 1 ? ` in ${batches}` : ''} ${P}x${C}`
}
