// What a comparison with other libraries returns: bench/peers/host.mjs fills it in, report.mjs prints it.
import type { PageReport, Timing } from '../results.js'

/** elbo first: every ratio is to it. */
export type LibraryName = 'elbo' | 'tfjs' | 'jax-js'

export interface PeersResult {
  adapter: PageReport['adapter']
  isSoftware: boolean
  browser: string
  libraries: Library[]
  presets: PresetComparison[]
}

export interface Library {
  name: LibraryName
  version: string
  /** What a page loads that trains with it: its JavaScript, minified, and the same compressed by gzip. */
  minifiedBytes: number
  gzipBytes: number
}

export interface PresetComparison {
  preset: string
  batch: number
  cells: Cell[]
}

/** One library on one preset. */
export interface Cell {
  library: LibraryName
  /** Why there are no figures, or fewer. */
  error?: string
  /** Losses of the first steps from the same weights, batches and noise, and how close they are to elbo's. */
  check?: Agreement
  /** From the loaded library to the loss of the first step: device, pipelines and tuning included. */
  firstStepMs?: number
  /** Milliseconds a training step, one sample a window. */
  step?: Timing
  /** How the loop of the windows waits for the GPU; of the ways tried the fastest. */
  waits?: string
  /** Milliseconds from latents to images in JavaScript, by the number of latents. */
  decode?: Record<string, Timing | undefined>
  counts?: Counts
  /** How many times as long as elbo it takes: medians over windows that followed each other. */
  ratios?: { firstStep: number; step?: number; decode: Record<string, number | undefined> }
}

export interface Agreement {
  losses: number[]
  /** The largest relative distance of a loss to elbo's. */
  lossDistance: number
  /** The largest distance of a decoded pixel, in [0, 1], to elbo's, after two steps. */
  pixelDistance: number
}

/** Of one step while training runs. */
export interface Counts {
  dispatches: number
  bindGroups: number
  buffers: number
  submissions: number
}
