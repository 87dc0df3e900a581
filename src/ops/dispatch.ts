/** A GPU tensor of the plan: a name, how many 32-bit values it holds, and whose storage it lives in. No GPU object. */
export interface PlanTensor {
  /** e.g. `decoder.1.y`; it labels the buffer. */
  name: string
  /** Number of 32-bit elements. */
  elements: number
  /**
   * Where it lives: `'activation'` tensors share buffers by lifetime within a plan; any other name is a long-lived buffer
   * that the plan is given (`parameters`, `gradients`, the optimiser's moments, the data set, the loss ring).
   */
  storage: string
  /** First element inside that storage, or inside the activation that it is a part of; a multiple of 64. */
  offset: number
  /** The activation that it is a part of; any other activation starts at 0. */
  part?: PlanTensor
}

/** Another kernel for the same work: the same bindings, the same result up to rounding. */
export interface Tiling {
  kernel: string
  /** Tells tilings of one kernel apart, e.g. `64 lanes`. */
  variant?: string
  constants: Record<string, number>
  grid: [x: number, y: number, z: number]
  /** A feature that the kernel needs of the device. */
  requires?: GPUFeatureName
  /** Not worth timing on a software adapter: it has no workgroup memory of its own, and few threads to feed. */
  hardwareOnly?: boolean
}

/** One kernel launch as data: what the schedule needs to make a pipeline, bind it and encode it. */
export interface Dispatch {
  /** File, entry point and table key. */
  kernel: string
  /** WGSL overrides by name: every combination of them is a pipeline of its own. */
  constants: Record<string, number>
  /** Members of the kernel's `Params` by name: shapes and the like, which differ between dispatches of one pipeline. */
  params?: Record<string, number>
  /** Tensors by WGSL variable name. The `step` uniform is bound by the schedule where a kernel declares it. */
  bindings: Record<string, PlanTensor>
  /** Invocations; the schedule divides by the workgroup size, rounding up. */
  grid: [x: number, y: number, z: number]
  /** What else could do the work: the tuner picks the fastest on the adapter at hand. */
  tilings?: readonly Tiling[]
  /** For tables: `B104 I784 O256`. */
  shape: string
  /** Floating-point operations, a multiply-add counted as 2; 0 for kernels bound by memory. */
  flops: number
}

/** Rounds up to whole `vec4f`s: the row stride of every activation. */
export function padTo4(n: number): number {
  return Math.ceil(n / 4) * 4
}

/**
 * How many lanes share each of `B` sums of `vectors` vectors. Few are fixed, since barriers cost software adapters most
 * (8 lanes in place of 64: 8.1 to 1.1 ms for `bce_loss` at B 104, N 784); the tuner may take many, as GPUs like.
 */
export function rowLaneTilings(kernel: string, constants: Record<string, number>, B: number, vectors: number) {
  const lanes = 2 ** Math.ceil(Math.log2(vectors))
  const fixed = Math.min(lanes, 8)
  const many = Math.min(lanes, 64)
  const tiling = (LANES: number) => ({
    kernel,
    constants: { ...constants, LANES },
    grid: [LANES, B, 1] as [number, number, number],
  })
  return { ...tiling(fixed), tilings: many > fixed ? [{ ...tiling(many), variant: `${many} lanes` }] : undefined }
}

/** Rows allocated for a batch: matrix tiles own 8 rows and need not guard them. */
export function padRows(batch: number): number {
  return Math.ceil(batch / 8) * 8
}
