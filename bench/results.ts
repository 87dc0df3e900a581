// What a benchmark run returns: the page fills it in, bench/publish.mjs prints it and writes it as JSON.

/** What the command line asks of the page. */
export interface BenchOptions {
  /** Of inputs, initial weights and data. */
  seed: number
  /** Few kernels, few repetitions. */
  quick: boolean
  /** Only rows whose kernel, shape or preset contains this; empty for all. */
  filter: string
  /** Names of presets; empty for all. */
  presets: string[]
  /** On a software adapter also the tilings that are for hardware. */
  allTilings: boolean
  /** The one preset to print dispatch by dispatch, instead of everything else. */
  profile: string
}

/** Repeated measurements of the same work, in milliseconds for one execution of it. */
export interface Timing {
  medianMs: number
  minMs: number
  /** (maximum − minimum) / median. */
  spread: number
  samplesMs: number[]
  /** Executions that one sample averages over. */
  executions: number
}

/** Whether the outputs were right before they were timed. */
export interface Check {
  state: 'verified' | 'unverified' | 'failed'
  /** How many outputs were compared and how close the closest came to its bound, or what is wrong. */
  detail: string
}

export interface KernelResult {
  kernel: string
  /** With the activation where there is one: `B104 I784 O256 relu`. */
  shape: string
  /** Whose plans launch it; empty for kernels outside every training step. */
  presets: string[]
  constants: Record<string, number>
  /** Floating-point operations, 0 for kernels bound by memory. */
  flops: number
  bytes: number
  check: Check
  /** Missing when the check failed. */
  timing?: Timing
  /** At the median: billions of floating-point operations per second, for matrix kernels. */
  gflops?: number
  /** At the median: billions of bytes per second, for the others. */
  gigabytes?: number
  /** Median of the paired ratios: time of the naive kernels for the same work / this kernel's. */
  naiveRatio?: number
}

/** The same training step with the naive kernels in place of the tiled ones. */
export interface NaiveComparison {
  tiled: Timing
  naive: Timing
  /** Median of the paired ratios naive / tiled. */
  ratio: number
  dispatches: number
  check: Check
}

/** The best that was seen of something. */
export interface Rate {
  /** What did it. */
  name: string
  /** Floating-point operations or bytes, in the shortest sample. */
  perSecond: number
  timing: Timing
}

export interface DispatchCost {
  /** Milliseconds of GPU time for a dispatch that does next to nothing and depends on the one before; at the least. */
  gpuMs: number
  /** Milliseconds that the host takes to encode and submit one. */
  encodeMs: number
  /** Passes of few and of many of them; `executions` says how many. */
  short: Timing
  long: Timing
}

/** What the adapter can do at best in this run. */
export interface Ceilings {
  /** The fastest matrix product, in floating-point operations per second. */
  product: Rate
  /** All that were timed. */
  products: Rate[]
  /** Bytes read and written per second. */
  copy: Rate
  dispatch: DispatchCost
}

/** What a step has to cost at the ceilings, and what it does. */
export interface StepCost {
  /** Dispatches at the cost of an empty one. */
  dispatchMs: number
  /** The arithmetic of the matrix kernels at the ceiling of the products. */
  arithmeticMs: number
  /** What the other kernels move at the ceiling of the copy. */
  memoryMs: number
  sumMs: number
  measuredMs: number
  /** measured / sum */
  ratio: number
}

export interface PresetResult {
  preset: string
  batch: number
  /** The recipe's batch, where a software adapter gets a smaller one. */
  recipeBatch: number
  parameters: number
  dispatches: number
  flops: number
  bytes: number
  memoryBytes: number
  /** From `createEngine` with a new device to the loss of the first step; the first time in this browser. */
  firstStepMs: number
  /** The same again, the browser now holding compiled shaders. */
  nextFirstStepMs: Timing
  /** Milliseconds per step while `train` runs, one sample per window. */
  step: Timing
  imagesPerSecond: number
  cost: StepCost
  /** Loss of the first step and the mean of the last window. */
  firstLoss: number
  lastLoss: number
  naive?: NaiveComparison
}

export interface ProfileRow {
  section: string
  kernel: string
  shape: string
  timing: Timing
  /** Of the sum of all dispatches' medians. */
  share: number
  gflops?: number
  gigabytes?: number
  cost: StepCost
}

export interface Profile {
  preset: string
  batch: number
  rows: ProfileRow[]
  /** The whole plan, timed the same way. */
  step: Timing
  sumMs: number
  cost: StepCost
}

export interface PageReport {
  adapter: { vendor: string; architecture: string; device: string; description: string }
  isSoftware: boolean
  /** How GPU time was taken. */
  clock: 'timestamp-query' | 'queue completion'
  ceilings?: Ceilings
  kernels: KernelResult[]
  presets: PresetResult[]
  profile?: Profile
  pytorch?: PyTorchComparison
  /** Kernels of the engine that no row covers. */
  uncovered: string[]
}

/** PyTorch's training steps of the same networks beside elbo's, on one machine. */
export interface PyTorchComparison {
  /** Missing where there is no PyTorch: `reason` says it. */
  version?: string
  reason?: string
  /** `CPU`, or the name of the GPU. */
  device?: string
  /** That its kernels on the CPU may take. */
  threads?: number
  /** Whether its matrix products may round their inputs to 10 bits; never, in this benchmark. */
  tf32?: boolean
  rows: PyTorchRow[]
}

/** A preset in one library. */
export interface PyTorchRow {
  preset: string
  batch: number
  /** `elbo`, or one of PyTorch's two ways. */
  way: 'elbo' | 'eager' | 'CUDA graph'
  /** Why there are no figures. */
  error?: string
  /** Of the first steps, from the same weights, batches and noise. */
  losses?: number[]
  /** The largest relative distance of one of them to elbo's. */
  lossDistance?: number
  step?: Timing
  /** How many times as long as elbo's its median is. */
  ratio?: number
}
