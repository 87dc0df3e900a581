import type { Adam, RmsProp, Tensor, VaeSpec } from '../../../src/index.js'

/** A library under comparison: each is a module of its own that exports `open`. */
export interface Contestant {
  /** Puts the model on the GPU, from a library that is loaded but has done nothing yet. */
  open(model: Model): Promise<Session>
}

/** What every library starts from. */
export interface Model {
  spec: VaeSpec
  optimizer: PlainOptimizer
  /** Under PyTorch's names, in PyTorch's shapes. */
  parameters: Record<string, Tensor>
  batches: Batch[]
}

/** What every library has: no momentum in RMSprop, no schedule, no clipping. */
export type PlainOptimizer = (Adam | RmsProp) & { readonly learningRate: number }

export interface Batch {
  /** (B, H, W, C) */
  images: Tensor
  /** (B, Z) */
  noise: Tensor
  /** B class indices; only of conditional models. */
  labels?: number[]
}

/** A model that trains. */
export interface Session {
  /** Whether the adapter is a CPU, where the library can tell. */
  isSoftware?: boolean
  /** Of a library with steps under way when a measurement begins and ends: tells how many were submitted in between. */
  dispatchesPerStep?(): number
  /** One update with that of the model's batches; resolves to the loss before it. */
  step(batch: number): Promise<number>
  /** Finds the way of waiting for the GPU with which `train` is fastest, and says it in words. */
  settle(): Promise<string>
  /** Trains on the model's batches, in turns, for about so long. */
  train(window: Window): Promise<Trained>
  /** Images (rows, H, W, C) in [0, 1] of latents (rows, Z); of class 0 where there are classes. */
  decode(latents: Tensor): Promise<Float32Array>
  /** Frees the GPU's memory, where no page is closed for it. */
  close?(): void
}

export interface Window {
  /** Time before the measurement begins. */
  warmUpMs: number
  /** Least time of the measurement. */
  windowMs: number
  onBegin?(): void
  onEnd?(): void
}

export interface Trained {
  steps: number
  elapsedMs: number
}
