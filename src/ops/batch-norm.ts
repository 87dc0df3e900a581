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
  /** Rows an image, 1 unless given. */
  samples?: number
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
 * statistics (2, P4(C)) = mean and unbiased variance of every channel over the rows of the batch and their pixels: what
 * `batchNormForward` normalises by and `batchNormRunning` moves the running ones by. A single value has variance 0.
 */
export function batchNormStatistics(
  t: { x: PlanTensor; statistics: PlanTensor; status: PlanTensor },
  shape: BatchNormShape,
): Dispatch {
  return {
    ...channelLanes('batch_norm_statistics', { WHOLE: isWhole(shape) }, shape),
    bindings: { x: t.x, statistics: t.statistics, status: t.status },
  }
}

/**
 * y = act((x − mean) / √(variance + 1e-5) · w + b). `statistics` is what `batchNormStatistics` left of this step
 * (`'batch'`), or the running mean and variance, one behind the other, `[2, P4(C)]` (`'running'`).
 */
export function batchNormForward(
  t: { x: PlanTensor; statistics: PlanTensor; w: PlanTensor; b: PlanTensor; y: PlanTensor },
  shape: BatchNormShape,
  activation: Activation,
  from: 'batch' | 'running',
): Dispatch {
  return {
    ...channelStrides('batch_norm_forward', shape, { SLOPE: activationSlope(activation) }),
    constants: { BATCH: Number(from === 'batch'), ACTIVATION: activationCode(activation) },
    bindings: { x: t.x, statistics: t.statistics, w: t.w, b: t.b, y: t.y },
  }
}

/**
 * The sums that `batchNormBackwardInput` needs, `sums` (2, P4(C)) = Σ dy and Σ dy · (x − mean) / √(variance + 1e-5); dy is
 * the gradient with respect to the value before the activation. They are the gradients of shift and scale, too: `db` and
 * `dw` (P4(C)) are needed unless these are `'none'`.
 */
export function batchNormBackwardWeight(
  t: { dy: PlanTensor; x: PlanTensor; statistics: PlanTensor; sums: PlanTensor; dw?: PlanTensor; db?: PlanTensor },
  shape: BatchNormShape,
  gradients: ParameterGradients,
): Dispatch {
  const GRADIENTS = { none: 0, write: 1, add: 2 }[gradients]
  const { dw = unused('dw'), db = unused('db') } = t
  return {
    ...channelLanes('batch_norm_backward_weight', { WHOLE: isWhole(shape), GRADIENTS }, shape),
    bindings: { dy: t.dy, x: t.x, statistics: t.statistics, sums: t.sums, dw, db },
  }
}

/**
 * dx = w / √(variance + 1e-5) · (dy − mean of dy − x̂ · mean of dy · x̂) · act'(x), act being that of x; after
 * `batchNormBackwardWeight`, which leaves `sums`. With `add` dx = (dx + …) · act'(x) in place: what it holds is the
 * gradient by the other readers of x, without that activation's derivative. 0 in the rows behind the batch.
 */
export function batchNormBackwardInput(
  t: { dy: PlanTensor; x: PlanTensor; statistics: PlanTensor; w: PlanTensor; sums: PlanTensor; dx: PlanTensor },
  shape: BatchNormShape,
  activationX: Activation,
  { add = false }: { add?: boolean } = {},
): Dispatch {
  return {
    ...channelStrides('batch_norm_backward_input', shape, { SLOPE_X: activationSlope(activationX) }),
    constants: { ADD: Number(add), ACTIVATION_X: activationCode(activationX) },
    bindings: { dy: t.dy, x: t.x, statistics: t.statistics, w: t.w, sums: t.sums, dx: t.dx },
  }
}

/** A part of the running statistics, in elements, both multiples of 4. */
export interface StatisticsRange {
  first: number
  count: number
}

/**
 * running = 0.9 · running + 0.1 · batch[u] for every use u of a layer in order, of all layers in one dispatch; nothing
 * moves once `status` is set. `running` is a contiguous range of N elements in which every layer has `[2, P4(C)]` values,
 * mean then variance; `batch` (uses.length, N) has the statistics of that layer's use u at u · N and the same place.
 * @param uses which part of the range use 0, 1 and 2 move: at most three, each contiguous
 */
export function batchNormRunning(
  t: { batch: PlanTensor; running: PlanTensor; status: PlanTensor },
  uses: readonly StatisticsRange[],
): Dispatch {
  const N4 = t.running.elements / 4
  const range = (u: number) => {
    const { first, count } = uses[u] ?? { first: 0, count: 0 }
    return { [`FIRST_${u}`]: first / 4, [`END_${u}`]: (first + count) / 4 }
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
): Omit<Dispatch, 'bindings'> {
  const { B, P, C, samples: SAMPLES = 1 } = shape
  const most = 2 ** Math.ceil(Math.log2(B * P))
  const tiling = (LANES: number) => ({
    kernel,
    constants: { ...constants, LANES },
    grid: [LANES, padTo4(C) / 4, 1] as [number, number, number],
  })
  const more = [64, 256].filter((lanes) => lanes <= most)
  return {
    ...tiling(Math.min(most, 8)),
    params: { P, C, SAMPLES },
    tilings: more.map((lanes) => ({ ...tiling(lanes), variant: `${lanes} lanes` })),
    shape: describe(shape),
    flops: 0,
  }
}

/** Every invocation keeps to the same channels, whose values it loads once: strides are multiples of their period. */
function channelStrides(
  kernel: string,
  shape: BatchNormShape,
  slope: Record<string, number>,
): Omit<Dispatch, 'constants' | 'bindings'> {
  const { B, P, C, samples: SAMPLES = 1 } = shape
  const COUNT = (B * padTo4(P * C)) / 4
  const period = isWhole(shape) ? padTo4(C) / 4 : padTo4(P * C) / 4
  const most = Math.floor(MOST_INVOCATIONS / period)
  const STRIDE = period * Math.min(Math.ceil(COUNT / period / VECTORS_PER_INVOCATION), most)
  return {
    kernel,
    params: { COUNT, STRIDE, P, C, SAMPLES, ...slope },
    grid: [STRIDE, 1, 1],
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

function describe({ B, P, C }: BatchNormShape): string {
  return `B${B} ${P}x${C}`
}
