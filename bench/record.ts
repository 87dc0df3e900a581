// What the JSON of a run holds: its figures, with where and when they were taken.
import type { PeersResult } from './peers/results.js'
import type { PageReport } from './results.js'

/** Where and when a run took place. */
export interface Environment {
  date: string
  /** With "+" where files of the repository differ from it. */
  commit: string
  /** What provides WebGPU, with its version. */
  runtime: string
  node: string
  platform: string
  processor: string
  cores: number
  seed: number
  quick: boolean
  arguments: string
}

export type PeersReport = Environment & Pick<PeersResult, 'libraries' | 'presets'>

/** All that is known of a run. */
export type Report = Environment & PageReport & { peers?: PeersReport }
